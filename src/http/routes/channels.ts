import { z } from 'zod';
import { can } from '../../access/index.ts';
import {
  channelKinds,
  kindFor,
  shownTarget,
  type Channels,
  type StoredChannel,
  type Trial,
} from '../../notify/index.ts';
import type { Channel } from '../../notify/index.ts';
import {
  actorOf,
  bodyOf,
  found,
  isoTime,
  pageOf,
  paramOf,
  principalOf,
  pageSchema,
} from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { channelAnswer, channelsAnswer, trialAnswer } from '../schemas/alerts.ts';

/** No colon: `KIND:TARGET` is no name. `test` is a path of its own. */
const name = z
  .string()
  .regex(/^(?!test$)[a-z0-9][a-z0-9._-]{0,62}$/, 'expected a-z, 0-9, dot, dash and underscore');
const kind = z.enum(channelKinds);
const target = z.string().min(3).max(2_000);
// A header's value: no control characters.
const secret = z.string().regex(/^[\x20-\x7e]{1,500}$/, 'expected printable ASCII');

const unsaved = z.strictObject({
  ...{ kind, target },
  secret: secret.optional(),
  bearer_token: secret.optional(),
});
const newChannel = z.strictObject({
  ...unsaved.shape,
  name,
  is_default: z.boolean().default(false),
});
const patch = z.strictObject({
  kind: kind.optional(),
  target: target.optional(),
  is_default: z.boolean().optional(),
  secret: secret.nullable().optional(),
  bearer_token: secret.nullable().optional(),
});

interface Deps {
  channels: Channels;
  /** Sends one message that says it is a test. */
  tryOut: (channel: Channel) => Promise<Trial>;
}

const base = '/api/v1/channels';
const one = `${base}/:name`;
const row = { errors: 'envelope' } as const;

type Target = (call: Call) => Promise<StoredChannel>;

/** Where a tenant's messages go: named channels, which rules tell by kind or name. */
export function channelRoutes({ channels, tryOut }: Deps): Route[] {
  const target: Target = async (call) => {
    const wanted = paramOf(call.req, 'name');
    const all = await channels.list(principalOf(call).tenantId);
    return found('channel', Promise.resolve(all.find((channel) => channel.name === wanted)));
  };
  return [
    ...collectionRoutes(channels),
    ...memberRoutes(channels, target),
    ...trialRoutes({ channels, tryOut }, target),
  ];
}

function collectionRoutes(channels: Channels): Route[] {
  return [
    {
      ...{ ...row, method: 'GET', path: base, needs: 'read', summary: 'Channels of the tenant' },
      spec: { tag: 'Notifications', query: pageSchema, answers: { 200: channelsAnswer } },
      async handle(call) {
        const { limit, offset } = pageOf(call.req);
        const all = await channels.list(principalOf(call).tenantId);
        const shown = all.slice(offset, offset + limit).map((channel) => toJson(call, channel));
        call.res.json({ channels: shown, total: all.length, limit, offset });
      },
    },
    {
      ...{ ...row, method: 'POST', path: base, needs: 'admin', summary: 'Make a channel' },
      spec: { tag: 'Notifications', body: newChannel, answers: { 201: channelAnswer } },
      async handle(call) {
        const body = bodyOf(call.req, newChannel);
        const wanted = {
          ...{ name: body.name, kind: body.kind, target: body.target },
          ...{ isDefault: body.is_default, settings: settingsOf(body) },
        };
        const made = await channels.create(principalOf(call).tenantId, wanted, actorOf(call));
        call.res.status(201).json(toJson(call, made));
      },
    },
  ];
}

function memberRoutes(channels: Channels, target: Target): Route[] {
  return [
    {
      ...{ ...row, method: 'GET', path: one, needs: 'read', summary: 'One channel' },
      spec: { tag: 'Notifications', answers: { 200: channelAnswer } },
      handle: async (call) => void call.res.json(toJson(call, await target(call))),
    },
    {
      ...{ ...row, method: 'PATCH', path: one, needs: 'admin', summary: 'Change a channel' },
      spec: { tag: 'Notifications', body: patch, answers: { 200: channelAnswer } },
      async handle(call) {
        const body = bodyOf(call.req, patch);
        const wanted = {
          ...(body.kind === undefined ? {} : { kind: body.kind }),
          ...(body.target === undefined ? {} : { target: body.target }),
          ...(body.is_default === undefined ? {} : { isDefault: body.is_default }),
          settings: settingsOf(body),
        };
        const changed = await channels.update(await target(call), wanted, actorOf(call));
        call.res.json(toJson(call, changed));
      },
    },
    {
      ...{ ...row, method: 'DELETE', path: one, needs: 'admin', summary: 'Remove a channel' },
      spec: { tag: 'Notifications', answers: { 204: 'empty' } },
      async handle(call) {
        await channels.remove(await target(call), actorOf(call));
        call.res.status(204).end();
      },
    },
  ];
}

function trialRoutes({ channels, tryOut }: Deps, target: Target): Route[] {
  const answer = async (call: Call, channel: Channel): Promise<void> => {
    const trial = await tryOut(channel);
    const { tenantId } = principalOf(call);
    await channels.noteTest(tenantId, channel.name, trial.kind, actorOf(call));
    call.res.json({
      ...{ sent: trial.kind === 'sent', status: trial.status ?? null, answer: trial.answer },
      duration_ms: Math.round(trial.durationMs),
    });
  };
  return [
    {
      ...{ ...row, method: 'POST', path: `${base}/test`, needs: 'admin' },
      summary: 'Send a test message by a channel that is not saved',
      spec: { tag: 'Notifications', body: unsaved, answers: { 200: trialAnswer } },
      async handle(call) {
        const body = bodyOf(call.req, unsaved);
        const { tenantId } = principalOf(call);
        const wanted = { kind: kindFor(body.kind, body.target), target: body.target };
        await answer(call, {
          ...{ name: 'test', tenantId },
          ...wanted,
          settings: settingsOf(body),
        });
      },
    },
    {
      ...{ ...row, method: 'POST', path: `${one}/test`, needs: 'operate' },
      summary: 'Send a test message by a channel',
      spec: { tag: 'Notifications', answers: { 200: trialAnswer } },
      handle: async (call) => answer(call, await target(call)),
    },
  ];
}

function settingsOf<T extends string | null>(body: {
  secret?: T | undefined;
  bearer_token?: T | undefined;
}): { secret?: T; bearerToken?: T } {
  return {
    ...(body.secret === undefined ? {} : { secret: body.secret }),
    ...(body.bearer_token === undefined ? {} : { bearerToken: body.bearer_token }),
  };
}

/** Secrets are never shown again; targets, which hold secrets too, to administrators alone. */
function toJson(call: Call, channel: StoredChannel) {
  const isAdmin = can(principalOf(call), 'admin');
  return {
    ...{ name: channel.name, kind: channel.kind, target: shownTarget(channel, isAdmin) },
    is_default: channel.isDefault,
    has_secret: channel.settings.secret !== undefined,
    has_bearer_token: channel.settings.bearerToken !== undefined,
    created_at: isoTime(channel.createdAtMs),
    updated_at: isoTime(channel.updatedAtMs),
  };
}
