import { z } from 'zod';
import type { HostSeries } from '../../host-metrics/index.ts';
import {
  hostIdSchema,
  ipSchema,
  parseTagFilter,
  printableText,
  tagsSchema,
  type HostFilter,
  type HostPatch,
  type Hosts,
  type Inventory,
  type Overview,
} from '../../hosts/index.ts';
import type { Clock } from '../../platform/index.ts';
import { actorOf, bodyOf, found, pageSchema, paramOf, principalOf, queryOf } from '../parse.ts';
import { cachedRead, JsonText, type ReadCache } from '../read-cache.ts';
import type { Call, Route } from '../route.ts';
import { hostAnswer, toHostJson } from './host-json.ts';
import { createPointsText, pointAnswer } from './point-json.ts';

export interface HostRouteDeps {
  hosts: Hosts;
  overview: Overview;
  inventory: Inventory;
  series: HostSeries;
  cache: ReadCache;
  clock: Clock;
}

const listQuery = z.strictObject({
  ...pageSchema.shape,
  tags: z.string().min(1).max(1_000).optional().describe('`role:web,zone:us-west`: all must hold.'),
  status: z.enum(['ok', 'warn', 'crit']).optional(),
  search: z.string().min(1).max(255).optional().describe('Part of the id or the hostname.'),
});
const listAnswer = z.strictObject({
  hosts: z.array(hostAnswer),
  total: z.int(),
  limit: z.int(),
  offset: z.int(),
  warnings: z.array(z.string()).optional(),
});

const detailQuery = z.strictObject({
  range: z.enum(['15m', '1h', '6h', '24h', '7d']).default('1h'),
});
const detailAnswer = z.strictObject({
  host: hostAnswer,
  metrics: z.record(z.string(), z.array(pointAnswer)),
  range: z.string(),
  resolution: z.string(),
});

const hostname = printableText(255);
const ips = z.array(ipSchema).max(64);
const newHost = z.strictObject({
  id: hostIdSchema.optional().describe("The series' `host_id`; the hostname when absent."),
  hostname,
  ips: ips.default([]),
  tags: tagsSchema.default({}),
});
const change = z.strictObject({
  hostname: hostname.nullable().optional().describe("Null: the agent's own again."),
  ips: ips.nullable().optional().describe("Null: the agent's own again."),
  tags: tagsSchema.optional().describe('All tags of the host.'),
});
const removalQuery = z.strictObject({
  series: z.enum(['keep', 'delete']).default('keep').describe('What happens to what it sent.'),
});
const removalAnswer = z.strictObject({
  status: z.literal('deleted'),
  series: z.enum(['kept', 'deleted']),
  keys_revoked: z.int(),
});

const path = '/api/v1/hosts';
const one = `${path}/:id`;
const tag = 'Hosts';
const read = { method: 'GET', needs: 'read', errors: 'envelope' } as const;
const write = { needs: 'admin', errors: 'envelope' } as const;

/** The inventory, PRP §8.2. */
export function hostRoutes(deps: HostRouteDeps): Route[] {
  return [...readingRoutes(deps), ...writingRoutes(deps)];
}

function readingRoutes({ hosts, overview, series, cache, clock }: HostRouteDeps): Route[] {
  const pointsText = createPointsText();
  return [
    {
      ...{ ...read, path, summary: 'Hosts of the tenant with their newest figures' },
      spec: { tag, query: listQuery, answers: { 200: listAnswer } },
      handle: cachedRead(cache, async (call) => {
        const { limit, offset, ...asked } = queryOf(call.req, listQuery);
        const { tenantId } = principalOf(call);
        const list = await overview.list(tenantId, toFilter(asked), { limit, offset });
        return {
          hosts: list.items.map((view) => toHostJson(view, clock.nowMs())),
          ...{ total: list.total, limit, offset },
          ...(list.hasFigures
            ? {}
            : { warnings: ['storage does not answer: figures are missing'] }),
        } satisfies z.input<typeof listAnswer>;
      }),
    },
    {
      ...{ ...read, path: one, summary: 'One host and what it did' },
      spec: { tag, query: detailQuery, answers: { 200: detailAnswer } },
      handle: cachedRead(cache, async (call) => {
        const { range } = queryOf(call.req, detailQuery);
        const { tenantId } = principalOf(call);
        const id = paramOf(call.req, 'id');
        // From memory: a host that is not there costs storage nothing.
        const isThere = hosts.tagsOf(tenantId, id) !== undefined;
        const asked = isThere ? series.overview(tenantId, id, { range }) : undefined;
        const [view, told] = await Promise.all([overview.one(tenantId, id), asked]);
        const there = await found('host', Promise.resolve(view));
        const { metrics, resolution } = told ?? (await series.overview(tenantId, id, { range }));
        const fields = {
          host: toHostJson(there, clock.nowMs()),
          ...{ range, resolution },
        } satisfies Omit<z.input<typeof detailAnswer>, 'metrics'>;
        const texts = Object.entries(metrics).map(
          ([name, points]) => `${JSON.stringify(name)}:${pointsText(points)}`,
        );
        return new JsonText(fields, { metrics: `{${texts.join(',')}}` });
      }),
    },
  ];
}

function writingRoutes({ hosts, inventory, overview, clock }: HostRouteDeps): Route[] {
  const target = (call: Call) =>
    found('host', hosts.get(principalOf(call).tenantId, paramOf(call.req, 'id')));
  return [
    {
      ...{ ...write, method: 'POST', path, summary: 'Add a host by hand' },
      spec: {
        ...{ tag, body: newHost },
        answers: { 201: z.strictObject({ id: z.string(), status: z.literal('created') }) },
      },
      async handle(call) {
        const { id, ...fields } = bodyOf(call.req, newHost);
        const wanted = { ...fields, ...(id === undefined ? {} : { id }) };
        const host = await inventory.create(principalOf(call).tenantId, wanted, actorOf(call));
        call.res.status(201).json({ id: host.id, status: 'created' });
      },
    },
    {
      ...{ ...write, method: 'PATCH', path: one, summary: 'Change hostname, addresses or tags' },
      spec: { tag, body: change, answers: { 200: hostAnswer } },
      async handle(call) {
        const patch = toPatch(bodyOf(call.req, change));
        const host = await inventory.change(await target(call), patch, actorOf(call));
        const view = await found('host', overview.one(host.tenantId, host.id));
        call.res.json(toHostJson(view, clock.nowMs()));
      },
    },
    {
      ...{ ...write, method: 'DELETE', path: one, summary: 'Remove a host, and what it sent' },
      spec: { tag, query: removalQuery, answers: { 200: removalAnswer } },
      async handle(call) {
        const wanted = queryOf(call.req, removalQuery);
        const { series, keysRevoked } = await inventory.remove(
          await target(call),
          wanted,
          actorOf(call),
        );
        call.res.json({ status: 'deleted', series, keys_revoked: keysRevoked });
      },
    },
  ];
}

function toFilter({
  tags,
  status,
  search,
}: Omit<z.output<typeof listQuery>, 'limit' | 'offset'>): HostFilter {
  return {
    ...(tags === undefined ? {} : { tags: parseTagFilter(tags) }),
    ...(status === undefined ? {} : { status }),
    ...(search === undefined ? {} : { search }),
  };
}

function toPatch({ hostname: name, ips: addresses, tags }: z.output<typeof change>): HostPatch {
  return {
    ...(name === undefined ? {} : { hostname: name }),
    ...(addresses === undefined ? {} : { ips: addresses }),
    ...(tags === undefined ? {} : { tags }),
  };
}
