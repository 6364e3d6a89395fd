import type { VictoriaClient } from './client.ts';

const timeoutMs = 3_000;

/** What a VictoriaMetrics says of one of its flags at `/metrics`; undefined where that cannot be seen. */
export async function readFlag(client: VictoriaClient, flag: string): Promise<string | undefined> {
  const key = client.target.authKeys?.metrics;
  const query = new URLSearchParams(key === undefined ? {} : { authKey: key });
  try {
    const answer = await client.request({ method: 'GET', path: '/metrics', query, timeoutMs });
    const lines = answer.body.toString('latin1').split('\n');
    const line = lines.find((one) => one.startsWith(`flag{name="${flag}", `));
    return line === undefined ? undefined : /value="([^"]*)"/.exec(line)?.[1];
  } catch {
    return undefined;
  }
}
