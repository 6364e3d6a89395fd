import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../platform/index.ts';
import type { LinkSubject } from './ports.ts';

/** What a link in a message stands for. */
export interface Linked {
  tenantId: string;
  subject: LinkSubject;
  /** The kind or name of the channel it was sent by. */
  via: string;
}

export type LinkVerdict = { ok: true; linked: Linked } | { ok: false; reason: LinkRefusal };
export type LinkRefusal = 'tampered' | 'expired';

export interface AckLinks {
  /** The path of a page that can acknowledge, below the server's address. */
  pathFor(linked: Linked): string;
  read(token: string): LinkVerdict;
}

const validMs = 7 * 86_400_000;
const maxTokenLength = 600;

const claims = z.tuple([
  z.string(),
  z.enum(['incident', 'message']),
  z.uuid(),
  z.string(),
  z.number().int(),
]);

/** Signed, with an end, and good for nothing but to acknowledge what it names. */
export function createAckLinks({ key, clock }: { key: Buffer; clock: Clock }): AckLinks {
  const sign = (text: string) => createHmac('sha256', key).update(text).digest();
  return {
    pathFor({ tenantId, subject, via }) {
      const endsAt = Math.floor((clock.nowMs() + validMs) / 1_000);
      const payload = JSON.stringify([tenantId, subject.kind, subject.id, via, endsAt]);
      const text = Buffer.from(payload).toString('base64url');
      return `/a/${text}.${sign(text).toString('base64url')}`;
    },
    read(token) {
      const [text = '', signature = ''] = token.length > maxTokenLength ? [] : token.split('.');
      const given = Buffer.from(signature, 'base64url');
      const own = sign(text);
      if (given.length !== own.length || !timingSafeEqual(given, own)) {
        return { ok: false, reason: 'tampered' };
      }
      // Signed here, so that it can only be what was made above.
      const parsed = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown;
      const [tenantId, kind, id, via, endsAt] = claims.parse(parsed);
      if (endsAt * 1_000 <= clock.nowMs()) return { ok: false, reason: 'expired' };
      return { ok: true, linked: { tenantId, subject: { kind, id }, via } };
    },
  };
}
