import { z } from 'zod';
import type { AlertTail } from './alert-tail.ts';
import { alertReader, roomOf, type Client } from './client.ts';
import type { LiveDeps } from './deps.ts';
import type { LiveReason } from './reasons.ts';

/** One connection and what its requests may reach. */
export interface Asked {
  client: Client;
  deps: LiveDeps;
  tail: AlertTail;
  /** Somebody may have begun to listen to hosts. */
  wake: () => void;
}

type Answer = { ok: true; cursor?: string; resync?: true } | { ok: false; code: LiveReason };

const room = z.string().regex(/^(?:hosts|alerts|host:[^\0]{1,128})$/);
const subscription = z.strictObject({ room, since: z.string().max(64).optional() });
const leaving = z.strictObject({ room });
const renewal = z.strictObject({ token: z.string().min(1).max(4_096) });

/** Requests of one client in a second; a person clicks less. */
const mostPerSecond = 50;

/** `subscribe {room, since?}`. */
export async function onSubscribe(asked: Asked, args: readonly unknown[]): Promise<void> {
  const { body, answer } = parse(args, subscription);
  if (!isInTime(asked)) answer(refused('TOO_FAST'));
  else if (!body) answer(refused('BAD_REQUEST'));
  else answer(await subscribe(asked, body).catch(() => refused('UNAVAILABLE')));
}

async function subscribe(
  { client, deps, tail, wake }: Asked,
  { room: name, since }: z.output<typeof subscription>,
): Promise<Answer> {
  const { principal, rooms, socket } = client;
  const { tenantId } = principal;
  if (!rooms.has(name) && rooms.size >= deps.config.maxRooms) return refused('TOO_MANY_ROOMS');
  if (name.startsWith('host:') && !(await deps.hasHost(tenantId, name.slice('host:'.length)))) {
    return refused('NOT_FOUND');
  }
  if (name === 'alerts') return subscribeToAlerts(client, tail, since);
  rooms.add(name);
  // At the next look it is told of everything once.
  client.isBehind = true;
  await socket.join(roomOf(tenantId, name));
  wake();
  return { ok: true };
}

async function subscribeToAlerts(
  client: Client,
  tail: AlertTail,
  since: string | undefined,
): Promise<Answer> {
  if (client.alerts) return { ok: true };
  const reader = alertReader(client);
  client.alerts = reader;
  client.rooms.add('alerts');
  try {
    const cursor = await tail.add(reader, since);
    const isResync = cursor === undefined;
    // What was missed cannot be told any more: the client reads the list again and goes on from here.
    const from = cursor ?? (await tail.add(reader, undefined));
    return {
      ok: true,
      ...(from === undefined ? {} : { cursor: from }),
      ...(isResync ? { resync: true as const } : {}),
    };
  } catch (error) {
    // Else its next wish would be taken for one that holds already.
    if (client.alerts === reader) leaveAlerts(client, tail);
    throw error;
  } finally {
    // It may have gone, or have left the room, while it was brought up.
    if (client.socket.disconnected || client.alerts !== reader) tail.remove(reader);
  }
}

function leaveAlerts(client: Client, tail: AlertTail): void {
  client.rooms.delete('alerts');
  if (client.alerts) tail.remove(client.alerts);
  client.alerts = undefined;
}

/** `unsubscribe {room}`. */
export function onUnsubscribe({ client, tail }: Asked, args: readonly unknown[]): void {
  const { body, answer } = parse(args, leaving);
  if (!body) {
    answer(refused('BAD_REQUEST'));
    return;
  }
  client.rooms.delete(body.room);
  void client.socket.leave(roomOf(client.principal.tenantId, body.room));
  if (body.room === 'alerts') leaveAlerts(client, tail);
  answer({ ok: true });
}

/** `renew {token}`: a fresh token of the same person, before the old one ends. */
export async function onRenew(asked: Asked, args: readonly unknown[]): Promise<void> {
  const { client, deps } = asked;
  const { body, answer } = parse(args, renewal);
  if (!isInTime(asked)) answer(refused('TOO_FAST'));
  else if (!body) answer(refused('BAD_REQUEST'));
  else {
    const authorization = body.token.startsWith('Bearer ') ? body.token : `Bearer ${body.token}`;
    const judged = await Promise.resolve(deps.authenticate(authorization)).catch(() => undefined);
    if (!judged) answer(refused('UNAVAILABLE'));
    else if (!judged.ok) answer(refused('UNAUTHORIZED'));
    else if (!isSame(client, judged.principal)) answer(refused('FORBIDDEN'));
    else {
      client.authorization = authorization;
      answer({ ok: true });
    }
  }
}

const isSame = ({ principal }: Client, other: Client['principal']): boolean =>
  principal.kind === other.kind &&
  principal.id === other.id &&
  principal.tenantId === other.tenantId;

const refused = (code: LiveReason): Answer => ({ ok: false, code });

/** A client that wants no answer gets none. */
function parse<S extends z.ZodType>(args: readonly unknown[], schema: S) {
  const last = args.at(-1);
  const answer: (answer: Answer) => void =
    typeof last === 'function' ? (last as (answer: Answer) => void) : () => undefined;
  const parsed = schema.safeParse(args[0]);
  return { body: parsed.success ? parsed.data : undefined, answer };
}

function isInTime({ client, deps }: Asked): boolean {
  const second = Math.floor(deps.clock.nowMs() / 1_000);
  if (client.asked.second !== second) client.asked = { second, count: 0 };
  client.asked.count += 1;
  return client.asked.count <= mostPerSecond;
}
