import { z } from 'zod';
import {
  type Agents,
  type EnrolmentOutcome,
  type EnrolmentRefusal,
  type EnrolmentToken,
} from '../../agents/index.ts';
import { hostIdSchema, printableText, tagsSchema } from '../../hosts/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { toSettingsJson } from './agent-json.ts';
import {
  actorOf,
  bodyOf,
  found,
  ipOf,
  isoTime,
  pageOf,
  paramOf,
  principalOf,
  pageSchema,
} from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { enrolmentTokensAnswer, madeTokenAnswer } from '../schemas/access.ts';
import { enrolledAnswer } from '../schemas/agents.ts';

const maxTtlSeconds = 30 * 86_400;
const newToken = z.strictObject({
  name: printableText(200).default('hosts'),
  ttl_seconds: z.int().min(1).max(maxTtlSeconds).default(3_600),
  max_uses: z.int().min(1).max(10_000).default(1),
  tags: tagsSchema.default({}),
  host_id: hostIdSchema.optional(),
});

/** Loose: a newer agent may say more than this server knows. */
const enrolment = z
  .looseObject({
    hostname: printableText(255),
    machine: z.string().regex(/^[0-9a-f]{32,128}$/, 'is no hex of an HMAC'),
    boot_id: z.string().regex(/^[\w-]{0,64}$/),
    uptime_seconds: z.number().min(0).max(1e10).optional(),
    os: printableText(64),
    arch: printableText(64),
    agent_version: printableText(64),
    host_id: hostIdSchema.optional(),
  })
  .transform((body) => ({
    ...{ hostname: body.hostname, machine: body.machine, bootId: body.boot_id },
    ...{ os: body.os, arch: body.arch, agentVersion: body.agent_version },
    ...{ uptimeSeconds: body.uptime_seconds, hostId: body.host_id },
  }));

const refusals: Readonly<
  Record<EnrolmentRefusal, ['UNAUTHORIZED' | 'FORBIDDEN' | 'CONFLICT', string]>
> = {
  malformed: ['UNAUTHORIZED', 'This is no enrolment token'],
  unknown: ['UNAUTHORIZED', 'The enrolment token is not known'],
  expired: ['UNAUTHORIZED', 'The enrolment token has expired'],
  revoked: ['UNAUTHORIZED', 'The enrolment token was revoked'],
  suspended: ['FORBIDDEN', 'This tenant is suspended'],
  no_uses_left: ['FORBIDDEN', 'The enrolment token has no uses left'],
  too_many_hosts: ['FORBIDDEN', 'The tenant has as many hosts as it may'],
  cloned_machine: [
    'CONFLICT',
    'Another machine with the same machine-id is running: give this one its own, or approve it',
  ],
  host_id_taken: [
    'CONFLICT',
    'The host belongs to another machine or key: make a token for this very host_id',
  ],
};

interface Deps {
  agents: Agents;
  /** `https://gaugeway.example`, as machines reach the server; absent: as the administrator's request came. */
  publicUrl: string | undefined;
}

const row = { needs: 'admin', errors: 'envelope' } as const;

/** Enrolment of machines, contract "Agent": tokens for administrators, a host and a key for who brings one. */
export function enrolmentRoutes({ agents, publicUrl }: Deps): Route[] {
  const path = '/api/v1/agents/tokens';
  return [
    {
      ...{ ...row, method: 'POST', path, summary: 'Make an enrolment token, shown this once' },
      spec: { tag: 'Agents', body: newToken, answers: { 201: madeTokenAnswer } },
      async handle(call) {
        const { ttl_seconds: ttl, max_uses: maxUses, ...body } = bodyOf(call.req, newToken);
        const bound = body.host_id === undefined ? {} : { hostId: body.host_id };
        const issued = await agents.tokens.create(
          principalOf(call).tenantId,
          { ...{ name: body.name, tags: body.tags, maxUses, ttlMs: ttl * 1_000 }, ...bound },
          actorOf(call),
        );
        call.res
          .status(201)
          .set('Cache-Control', 'no-store')
          .json({
            ...{ id: issued.id, token: issued.token, max_uses: issued.maxUses },
            expires_at: isoTime(issued.expiresAtMs),
            install: installLine(publicUrl ?? originOf(call), issued.token),
          });
      },
    },
    {
      ...{ ...row, method: 'GET', path, summary: 'Enrolment tokens of the tenant' },
      spec: { tag: 'Agents', query: pageSchema, answers: { 200: enrolmentTokensAnswer } },
      async handle(call) {
        const page = pageOf(call.req);
        const { items, total } = await agents.tokens.list(principalOf(call).tenantId, page);
        call.res.json({ tokens: items.map(toTokenJson), total, ...page });
      },
    },
    {
      ...{ ...row, method: 'DELETE', path: `${path}/:id`, summary: 'Revoke an enrolment token' },
      spec: { tag: 'Agents', answers: { 204: 'empty' } },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const token = await found('token', agents.tokens.get(tenantId, paramOf(call.req, 'id')));
        await agents.tokens.revoke(token, actorOf(call));
        call.res.status(204).end();
      },
    },
    {
      // Public: a token is no credential for anything else, so the guard does not know it.
      ...{ method: 'POST', path: '/api/v1/agents/enroll', needs: 'public', errors: 'envelope' },
      summary: 'Give a machine that brings a token its host and key',
      // Refused ones are counted by address; a fleet behind one address may come at once.
      budget: 'none',
      spec: { tag: 'Agents', body: enrolment, answers: { 201: enrolledAnswer } },
      async handle(call) {
        const from = { address: ipOf(call.req), requestId: call.requestId };
        const outcome = await agents.enrol(bearerOf(call), bodyOf(call.req, enrolment), from);
        answerEnrolment(call, outcome);
      },
    },
  ];
}

function bearerOf({ req }: Call): string {
  const token = /^Bearer ([\w-]{1,128})$/i.exec(req.get('authorization') ?? '')?.[1];
  if (token !== undefined) return token;
  throw new GaugewayError('UNAUTHORIZED', 'An enrolment token is required, as Bearer', {
    details: { reason: 'missing' },
  });
}

function answerEnrolment(call: Call, outcome: EnrolmentOutcome): void {
  if (outcome.kind === 'enrolled') {
    const { hostId: id, key, config } = outcome.host;
    const body = { host_id: id, key, config: toSettingsJson(config) };
    call.res.status(201).set('Cache-Control', 'no-store').json(body);
    return;
  }
  if (outcome.kind === 'throttled') {
    throw new GaugewayError('RATE_LIMIT_EXCEEDED', 'Too many attempts to enrol', outcome);
  }
  const [code, message] = refusals[outcome.reason];
  throw new GaugewayError(code, message, { details: { reason: outcome.reason } });
}

/** The token is in the shell's history, and in the process list while it installs: it is short-lived and counted. */
function installLine(url: string, token: string): string {
  // Plain HTTP to another machine is what the script wants to hear said.
  const isPlain = url.startsWith('http:') && !/^http:\/\/(127\.|localhost|\[::1\])/.test(url);
  const options = `--token ${token}${isPlain ? ' --insecure-http' : ''}`;
  return `curl -fsSL ${url.replace(/\/$/, '')}/install.sh | sh -s -- ${options}`;
}

/** As the request came; what is not plainly a host would not be safe to paste into a shell. */
function originOf({ req }: Call): string {
  const host = req.get('host') ?? '';
  return `${req.protocol}://${/^[\w.:[\]-]+$/.test(host) ? host : 'SERVER'}`;
}

function toTokenJson(token: EnrolmentToken) {
  return {
    id: token.id,
    name: token.name,
    prefix: `enr_${token.prefix}`,
    tags: token.tags,
    host_id: token.hostId,
    max_uses: token.maxUses,
    uses: token.uses,
    created_at: isoTime(token.createdAtMs),
    expires_at: isoTime(token.expiresAtMs),
  };
}
