import { z } from 'zod';
import type { ApiKey, Keys } from '../../access/index.ts';
import {
  actorOf,
  bodyOf,
  found,
  isoTime,
  isoTimeOrNull,
  pageOf,
  paramOf,
  principalOf,
  pageSchema,
} from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { issuedKeyAnswer, keyAnswer, keysAnswer } from '../schemas/access.ts';

const newKey = z
  .strictObject({
    name: z.string().min(1).max(200),
    scopes: z.array(z.enum(['write', 'read', 'admin'])).min(1),
    host_id: z.string().min(1).max(200).optional(),
    expires_at: z.iso.datetime({ offset: true }).optional(),
    whitelist_mode: z.enum(['reject', 'drop', 'observe']).optional(),
  })
  .transform((body) => ({
    ...{ name: body.name, scopes: [...new Set(body.scopes)] },
    ...(body.host_id === undefined ? {} : { hostId: body.host_id }),
    ...(body.expires_at === undefined ? {} : { expiresAtMs: Date.parse(body.expires_at) }),
    ...(body.whitelist_mode === undefined ? {} : { whitelistMode: body.whitelist_mode }),
  }));

/** Time for both keys to work: long enough to roll a fleet, short enough to be a rotation. */
const rotation = z.strictObject({
  overlap_seconds: z.int().min(0).max(2_592_000).default(86_400),
});

const row = { needs: 'admin', errors: 'envelope' } as const;
const one = '/api/v1/keys/:id';

/** API keys of the administrator's own tenant (contract "Identity"). */
export function keyRoutes({ keys }: { keys: Keys }): Route[] {
  const target = (call: Call): Promise<ApiKey> =>
    found('key', keys.get(principalOf(call).tenantId, paramOf(call.req, 'id')));
  return [
    {
      ...{ ...row, method: 'GET', path: '/api/v1/keys', summary: 'Keys of the tenant' },
      spec: { tag: 'Access', query: pageSchema, answers: { 200: keysAnswer } },
      async handle(call) {
        const page = pageOf(call.req);
        const { items, total } = await keys.list(principalOf(call).tenantId, page);
        call.res.json({ keys: items.map(toJson), total, ...page });
      },
    },
    {
      ...{ ...row, method: 'POST', path: '/api/v1/keys', summary: 'Make a key, shown this once' },
      spec: { tag: 'Access', body: newKey, answers: { 201: issuedKeyAnswer } },
      async handle(call) {
        const wanted = bodyOf(call.req, newKey);
        const issued = await keys.create(principalOf(call).tenantId, wanted, actorOf(call));
        call.res.status(201).set('Cache-Control', 'no-store').json(issued);
      },
    },
    {
      ...{ ...row, method: 'GET', path: one, summary: 'One key, without its secret' },
      spec: { tag: 'Access', answers: { 200: keyAnswer } },
      handle: async (call) => void call.res.json(toJson(await target(call))),
    },
    {
      ...{ ...row, method: 'DELETE', path: one, summary: 'Revoke a key' },
      spec: { tag: 'Access', answers: { 204: 'empty' } },
      async handle(call) {
        await keys.revoke(await target(call), actorOf(call));
        call.res.status(204).end();
      },
    },
    {
      ...{ ...row, method: 'POST', path: `${one}/rotate`, summary: 'Make a successor of a key' },
      spec: { tag: 'Access', body: rotation, answers: { 201: issuedKeyAnswer } },
      async handle(call) {
        const { overlap_seconds: overlap } = bodyOf(call.req, rotation);
        const issued = await keys.rotate(await target(call), overlap * 1_000, actorOf(call));
        call.res.status(201).set('Cache-Control', 'no-store').json(issued);
      },
    },
  ];
}

function toJson(key: ApiKey) {
  return {
    id: key.id,
    name: key.name,
    prefix: `gwk_${key.prefix}`,
    scopes: key.scopes,
    host_id: key.hostId,
    whitelist_mode: key.whitelistMode,
    created_at: isoTime(key.createdAtMs),
    expires_at: isoTimeOrNull(key.expiresAtMs),
    revoked_at: isoTimeOrNull(key.revokedAtMs),
    last_used_at: isoTimeOrNull(key.lastUsedAtMs),
    rotated_from: key.rotatedFrom,
  };
}
