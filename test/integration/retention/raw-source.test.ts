import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawSeries, RawSource } from '../../../src/retention/index.ts';
import {
  createRawSource,
  createVictoriaClient,
  type VictoriaClient,
} from '../../../src/storage/victoria/index.ts';
import { startVictoria, until, type Peer } from '../../support/peers.ts';

const hourMs = 3_600_000;
const endMs = Math.floor(Date.now() / hourMs) * hourMs;
const span = { startMs: endMs - hourMs, endMs };
const names = ['disk_used', 'load', 'mem_used'];
const hosts = 4;
let peer: Peer;
let client: VictoriaClient;
let source: RawSource;

beforeAll(async () => {
  // As 750,000 series of a tenant are to the 300,000 of a VictoriaMetrics that nobody has set up for them.
  peer = await startVictoria(`-search.maxUniqueTimeseries=${String(hosts + 1)}`);
  client = createVictoriaClient({ baseUrl: peer.url });
  source = createRawSource(client);
  const lines = ['mine', 'other'].flatMap((tenant) =>
    [...names, `of_${tenant}`].flatMap((name) =>
      Array.from({ length: hosts }, (_, host) =>
        [`${name}{tenant="${tenant}",host_id="${String(host)}"}`, 1, endMs - 60_000].join(' '),
      ),
    ),
  );
  await fetch(`${peer.url}/api/v1/import/prometheus`, { method: 'POST', body: lines.join('\n') });
  await until('all is there', async () => {
    await fetch(`${peer.url}/internal/force_flush`);
    const response = await fetch(`${peer.url}/api/v1/export?match[]={tenant=~".%2B"}`);
    return (await response.text()).trim().split('\n').length === lines.length;
  });
}, 60_000);
afterAll(async () => {
  await client.close();
  await peer.stop();
});

describe('a tenant with more series than storage looks at for one answer', () => {
  it('is read whole, and nothing of another tenant is', async () => {
    const asked = new URLSearchParams({ extra_label: 'tenant=mine' }).toString();
    const refused = await fetch(`${peer.url}/api/v1/label/__name__/values?${asked}`);
    expect(refused.status).toBe(422);
    const found = await source.names('mine', span);
    expect([...found].sort()).toEqual([...names, 'of_mine'].sort());
    const series: RawSeries[] = [];
    for await (const one of source.series('mine', found, span, new AbortController().signal)) {
      series.push(one);
    }
    expect(series).toHaveLength((names.length + 1) * hosts);
    expect(new Set(series.map(({ labels }) => labels['tenant']))).toEqual(new Set(['mine']));
  });

  it('is counted by fewer names at a time', async () => {
    expect(await source.count('mine', await source.names('mine', span), span)).toBe(
      (names.length + 1) * hosts,
    );
  });
});
