import type { AgentConfig } from '../../agents/index.ts';
import type { Principal } from '../../access/index.ts';
import type { HaLeader, Ingest, Rejection, WhitelistMode } from '../../ingest/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { z } from 'zod';
import { pageSchema, requireText } from '../parse.ts';
import type { Call, Route } from '../route.ts';
import {
  acceptedAnswer,
  heartbeatAnswer,
  leadersAnswer,
  rejectionsAnswer,
} from '../schemas/ingest.ts';
import { toAnswer } from '../write/answer.ts';
import { configHeader, nextKeyHeader } from '../write/agent-headers.ts';
import { toSettingsJson } from './agent-json.ts';

export interface HeartbeatAnswer {
  server_time_ms: number;
  /** What the agent shall run with; what is absent is left to its own options. */
  config: AgentConfig;
  /** The agent shall go on with this key; shown this once. */
  nextKey: string | undefined;
}

export type HeartbeatOutcome = ({ kind: 'taken' } & HeartbeatAnswer) | { kind: 'cloned_machine' };

export interface IngestRouteDeps {
  ingest: Ingest;
  /** The whitelist mode of the tenant's keys that have none of their own, where one was set. */
  tenantModeOf: (tenantId: string) => WhitelistMode | undefined;
  /** A sign of life of a host. */
  seen: (tenantId: string, hostId: string) => void;
  /** Keeps the report and says which configuration the agent should run. */
  heartbeat: (
    from: { tenantId: string; hostId: string; keyId: string },
    report: Readonly<Record<string, unknown>>,
  ) => Promise<HeartbeatOutcome>;
  rejections: (tenantId: string, page: Page) => Promise<{ total: number; rows: Rejection[] }>;
  haLeaders: (tenantId: string) => Promise<HaLeader[]>;
}

export interface Page {
  limit: number;
  offset: number;
}

const maxMetrics = 1_000;

/** As text Postgres can hold. */
const hostId = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\0\ud800-\udfff]*$/u, 'has characters that cannot be kept');

const batchBody = z.strictObject({
  host_id: hostId,
  metrics: z.array(z.unknown()).max(maxMetrics),
});

const heartbeatBody = z.looseObject({ host_id: hostId });

const pageQuery = pageSchema;

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  const where = first?.path.join('.') ?? '';
  throw new GaugewayError(
    'BAD_REQUEST',
    `${where === '' ? 'body' : where}: ${first?.message ?? 'invalid'}`,
  );
}

function principalOf(call: Call): Principal {
  if (!call.principal) throw new GaugewayError('UNAUTHORIZED', 'Authentication is required');
  return call.principal;
}

/** A key that is bound to one host speaks for no other. */
function requireOwnHost(principal: Principal, hostId: string): void {
  if (principal.hostId === undefined || principal.hostId === hostId) return;
  throw new GaugewayError('FORBIDDEN', 'The credential belongs to another host', {
    details: { reason: 'foreign_host' },
  });
}

function metricsRoute(deps: IngestRouteDeps): Route['handle'] {
  return async (call) => {
    const principal = principalOf(call);
    const body = parse(batchBody, call.req.body);
    requireOwnHost(principal, body.host_id);
    const sender = {
      tenantId: principal.tenantId,
      keyId: principal.id,
      keyName: principal.name,
      hostId: body.host_id,
      whitelistMode:
        principal.whitelistMode ?? deps.tenantModeOf(principal.tenantId) ?? ('reject' as const),
    };
    deps.seen(principal.tenantId, body.host_id);
    const batch = { hostId: body.host_id, metrics: body.metrics };
    const { outcome, answer } = await deps.ingest.json(sender, batch);
    if (outcome.kind === 'accepted' || outcome.kind === 'partial') {
      const isPartial = answer.rejected > 0;
      const { errors, ...counts } = answer;
      call.res.status(isPartial ? 400 : 200).json(isPartial ? { ...counts, errors } : counts);
      return;
    }
    const refused = toAnswer(outcome);
    const code =
      refused.status === 429
        ? 'RATE_LIMIT_EXCEEDED'
        : refused.status === 503
          ? 'UNAVAILABLE'
          : 'BAD_REQUEST';
    throw new GaugewayError(code, refused.body.trim(), {
      details: answer.errors.length > 0 ? { ...answer } : {},
      ...(refused.retryAfterSeconds === undefined
        ? {}
        : { retryAfterSeconds: refused.retryAfterSeconds }),
    });
  };
}

function answerHeartbeat({ res }: Call, outcome: HeartbeatOutcome): void {
  if (outcome.kind === 'cloned_machine') {
    throw new GaugewayError('FORBIDDEN', 'Another machine speaks for this host', {
      details: { reason: outcome.kind },
    });
  }
  const { config, nextKey, server_time_ms: serverTimeMs } = outcome;
  res.set('Cache-Control', 'no-store').set(configHeader, config.version);
  if (nextKey !== undefined) res.set(nextKeyHeader, nextKey);
  res.json({ server_time_ms: serverTimeMs, config: toSettingsJson(config) });
}

/** The write path's JSON side, and what can be read about it. */
export function ingestRoutes(deps: IngestRouteDeps): Route[] {
  const row = (
    rest: Pick<Route, 'method' | 'path' | 'needs' | 'summary' | 'spec' | 'handle'>,
  ): Route => ({
    errors: 'envelope',
    ...rest,
  });
  return [
    row({
      method: 'POST',
      path: '/api/v1/ingest/metrics',
      spec: { tag: 'Ingest', body: batchBody, answers: { 200: acceptedAnswer } },
      needs: 'write',
      summary: 'batch of up to 1,000 metrics as JSON',
      handle: metricsRoute(deps),
    }),
    row({
      method: 'POST',
      path: '/api/v1/ingest/heartbeat',
      spec: { tag: 'Ingest', body: heartbeatBody, answers: { 200: heartbeatAnswer } },
      needs: 'write',
      summary: "an agent's sign of life; answers with its configuration",
      handle: async (call) => {
        const principal = principalOf(call);
        requireText(call.req.body);
        const { host_id: hostId, ...report } = parse(heartbeatBody, call.req.body);
        requireOwnHost(principal, hostId);
        const from = { tenantId: principal.tenantId, hostId, keyId: principal.id };
        answerHeartbeat(call, await deps.heartbeat(from, report));
      },
    }),
    row({
      method: 'GET',
      path: '/api/v1/ingest/rejections',
      spec: { tag: 'Ingest', query: pageQuery, answers: { 200: rejectionsAnswer } },
      needs: 'read',
      summary: 'what was not stored, with reason, series and sender',
      handle: async (call) => {
        const page = parse(pageQuery, call.req.query);
        await deps.ingest.flush();
        const { total, rows } = await deps.rejections(principalOf(call).tenantId, page);
        call.res.json({ rejections: rows.map(toRejectionJson), total, ...page });
      },
    }),
    row({
      method: 'GET',
      path: '/api/v1/ingest/ha',
      spec: { tag: 'Ingest', answers: { 200: leadersAnswer } },
      needs: 'read',
      summary: 'which replica of each HA pair is taken',
      handle: async (call) => {
        const leaders = await deps.haLeaders(principalOf(call).tenantId);
        call.res.json({ leaders: leaders.map(toLeaderJson), total: leaders.length });
      },
    }),
  ];
}

const iso = (ms: number) => new Date(ms).toISOString();

function toRejectionJson(row: Rejection): object {
  return {
    reason: row.reason,
    series: row.series === '' ? null : row.series,
    sender: row.sender,
    samples: row.samples,
    first_at: iso(row.firstAtMs),
    last_at: iso(row.lastAtMs),
  };
}

function toLeaderJson(leader: HaLeader): object {
  return {
    cluster: leader.cluster,
    replica: leader.replica,
    elected_at: iso(leader.electedAtMs),
    received_at: iso(leader.receivedAtMs),
  };
}
