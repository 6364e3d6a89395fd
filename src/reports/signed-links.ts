import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../platform/index.ts';

export type LinkVerdict =
  | { ok: true; name: string; fileName: string }
  | { ok: false; reason: 'changed' | 'expired' | 'suspended' };

/** Addresses below `/exports/` that open one file until a time. */
export interface SignedLinks {
  /** Path and query. */
  sign(name: string, fileName: string, expiresAtMs: number): string;
  /** Judges path and query as they came, byte by byte. */
  verify(pathAndQuery: string): LinkVerdict;
}

const pattern = /^(\/exports\/([\w.-]+)\?file=([\w.%-]+)&expires=(\d{1,12}))&sig=([\w-]{43})$/;

export function createSignedLinks({ key, clock }: { key: Buffer; clock: Clock }): SignedLinks {
  const signatureOf = (text: string): string =>
    createHmac('sha256', key).update(text).digest('base64url');
  return {
    sign(name, fileName, expiresAtMs) {
      const expires = Math.floor(expiresAtMs / 1_000);
      const text = `/exports/${name}?file=${encodeURIComponent(fileName)}&expires=${expires}`;
      return `${text}&sig=${signatureOf(text)}`;
    },
    verify(pathAndQuery) {
      const [, text = '', name = '', fileName = '', expires = '0', signature = ''] =
        pattern.exec(pathAndQuery) ?? [];
      // The texts, not what they decode to: two texts may stand for the same bytes.
      const expected = Buffer.from(signatureOf(text));
      const given = Buffer.from(signature.padEnd(expected.length, '='));
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        return { ok: false, reason: 'changed' };
      }
      if (Number(expires) * 1_000 <= clock.nowMs()) return { ok: false, reason: 'expired' };
      return { ok: true, name, fileName: decodeURIComponent(fileName) };
    },
  };
}
