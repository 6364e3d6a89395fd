import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { AuditFilter, AuditRow, AuditStore } from '../../access/index.ts';
import { csvText } from '../../reports/index.ts';
import { isoTime, pageSchema, principalOf, queryOf } from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { auditAnswer } from '../schemas/access.ts';
import { timeText } from './span.ts';

const name = z.string().min(1).max(320).optional();
const filters = {
  user: name.describe('Id, e-mail of a user or name of a key.'),
  action: name,
  target: name.describe('e.g. `user:ID`'),
  since: timeText.optional(),
  until: timeText.optional().describe('Not within.'),
};
const listQuery = pageSchema.extend(filters);
const fileQuery = z.strictObject(filters);

const row = { method: 'GET', needs: 'admin', errors: 'envelope' } as const;

/** PRP §12.4: to read by people, and to keep elsewhere by programs. */
export function auditRoutes({ audit }: { audit: AuditStore }): Route[] {
  const rowsOf = (call: Call): AsyncIterable<AuditRow> =>
    audit.read(principalOf(call).tenantId, filterOf(queryOf(call.req, fileQuery)));
  return [
    {
      ...{ ...row, path: '/api/v1/audit', summary: 'Who did what in the tenant, newest first' },
      spec: { tag: 'Access', query: listQuery, answers: { 200: auditAnswer } },
      async handle(call) {
        const { limit, offset, ...asked } = queryOf(call.req, listQuery);
        const page = { limit, offset };
        const { tenantId } = principalOf(call);
        const { items, total } = await audit.list(tenantId, filterOf(asked), page);
        call.res.json({ entries: items.map(toJson), total, ...page });
      },
    },
    {
      ...{ ...row, path: '/api/v1/audit.csv', summary: 'The audit log as a CSV file' },
      spec: { tag: 'Access', query: fileQuery, answers: { 200: csvAnswer } },
      async handle(call) {
        const text = csvText(columns, cellsOf(rowsOf(call)));
        await send(call, text, { media: 'text/csv; charset=utf-8', ending: 'csv' });
      },
    },
    {
      ...{ ...row, path: '/api/v1/audit.ndjson' },
      summary: 'The audit log as one JSON object a line, for other systems',
      spec: { tag: 'Access', query: fileQuery, answers: { 200: ndjsonAnswer } },
      async handle(call) {
        const text = Readable.from(linesOf(rowsOf(call)));
        await send(call, text, { media: 'application/x-ndjson', ending: 'ndjson' });
      },
    },
  ];
}

const csvAnswer = { media: 'text/csv', description: 'Newest first, without a limit.' };
const ndjsonAnswer = {
  media: 'application/x-ndjson',
  description: 'Newest first, without a limit; a line is an entry of `/api/v1/audit`.',
};

const columns = [
  ...['id', 'timestamp', 'user_id', 'actor_kind', 'actor_name', 'action', 'target'],
  ...['ip', 'request_id', 'details'],
];

async function send(
  { res }: Call,
  text: Readable,
  { media, ending }: { media: string; ending: string },
): Promise<void> {
  res.setHeader('Content-Type', media);
  res.setHeader('Content-Disposition', `attachment; filename="audit.${ending}"`);
  res.setHeader('Cache-Control', 'no-store');
  await pipeline(text, res);
}

async function* cellsOf(rows: AsyncIterable<AuditRow>) {
  for await (const { id, actor, action, target, atMs, details } of rows) {
    yield [
      ...[id, isoTime(atMs), actor.id, actor.kind, actor.name, action, target],
      ...[actor.ip ?? '', actor.requestId ?? '', JSON.stringify(details)],
    ];
  }
}

async function* linesOf(rows: AsyncIterable<AuditRow>) {
  for await (const entry of rows) yield `${JSON.stringify(toJson(entry))}\n`;
}

function filterOf({ user, action, target, since, until }: z.output<typeof fileQuery>): AuditFilter {
  return {
    ...(user === undefined ? {} : { user }),
    ...(action === undefined ? {} : { action }),
    ...(target === undefined ? {} : { target }),
    ...(since === undefined ? {} : { sinceMs: Date.parse(since) }),
    ...(until === undefined ? {} : { untilMs: Date.parse(until) }),
  };
}

function toJson({ id, actor, action, target, atMs, details }: AuditRow) {
  return {
    id,
    timestamp: isoTime(atMs),
    user_id: actor.id,
    actor: { kind: actor.kind, name: actor.name },
    action,
    target,
    ip: actor.ip ?? null,
    request_id: actor.requestId ?? null,
    details,
  };
}
