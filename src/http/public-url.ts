import type { Call } from './route.ts';

/** A path of this server as an address for people: below the public one, or as the asker reached it. */
export function absoluteUrl(url: string, { req }: Call, publicUrl: string | undefined): string {
  if (!url.startsWith('/')) return url;
  const base = publicUrl ?? `${req.protocol}://${req.get('host') ?? 'localhost'}`;
  return `${base.replace(/\/+$/, '')}${url}`;
}
