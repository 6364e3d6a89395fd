/** What an `Authorization` header carries. */
export type Credential = { kind: 'key' | 'token'; text: string } | { kind: 'malformed' };

/** Longer than any token of ours; what is longer is not looked at. */
const maxLength = 4_096;
const malformed: Credential = { kind: 'malformed' };

/** `Bearer KEY`, `Bearer JWT`, or Basic with the key as password and any user name (contract "Identity"). */
export function readCredential(authorization: string): Credential {
  if (authorization.length > maxLength) return malformed;
  const [, scheme = '', text = ''] = /^(\w+) +([^\s]+)$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return text.startsWith('gwk_') ? { kind: 'key', text } : { kind: 'token', text };
    case 'basic': {
      const pair = Buffer.from(text, 'base64').toString('utf8');
      const colon = pair.indexOf(':');
      return colon < 0 ? malformed : { kind: 'key', text: pair.slice(colon + 1) };
    }
    default:
      return malformed;
  }
}
