/** Where to listen; an IPv6 host is without its brackets, an empty one means all addresses. */
export interface ListenAddress {
  host: string;
  port: number;
}

export const wantsAddress = 'wants ADDRESS:PORT such as 127.0.0.1:9100';

/** `127.0.0.1:9100`, `[::1]:9100`, `:9100`; undefined for anything else. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(\[[\da-f:.]+\]|[^\s:[\]]*):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535) return undefined;
  return { host: match[1]!.replace(/^\[(.*)\]$/, '$1'), port };
}

/** Nobody but this host's own users can reach it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}
