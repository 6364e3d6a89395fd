import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kindOfNodeMetric } from '../../exporter-agent/collect/node/metric.ts';
import { nameOf, readExposition, type Exposition } from '../support/exposition.ts';
import { startNodeExporter } from '../support/node-exporter.ts';
import { isNotTold } from '../support/node-names.ts';
import { Stage } from '../support/stage.ts';

const run = promisify(execFile);
const stage = new Stage();
let scrape: () => Promise<Exposition>;
let before: Exposition;
let after: Exposition;
const told = new Map<string, Exposition>();

async function once(profile: string): Promise<Exposition> {
  const { stdout } = await run(process.execPath, ['dist/gaugeway-agent.js', 'once'], {
    env: {
      ...process.env,
      GAUGEWAY_AGENT_PROFILE: profile,
      GAUGEWAY_AGENT_URL: 'http://127.0.0.1:9',
      GAUGEWAY_AGENT_STATE_DIR: stage.directory(),
    },
  });
  return readExposition(stdout);
}

beforeAll(async () => {
  scrape = await startNodeExporter(stage);
  before = await scrape();
  for (const profile of ['lean', 'core', 'full']) told.set(profile, await once(profile));
  after = await scrape();
});

afterAll(() => stage.end());

const isNode = (series: string) => series.startsWith('node_');

/** Said by the agent of itself, in node_exporter's place. */
const ofItself = /^node_(scrape_collector_|exporter_build_info|textfile_)/;

const compared = (profile: string) =>
  [...told.get(profile)!.samples].filter(([series]) => isNode(series) && !ofItself.test(series));

/** Come and go, or stand for a moment only: their being there is compared, not their value. */
const momentary =
  /^node_(procs_|sockstat_|udp_queues|disk_io_now|nf_conntrack_entries|arp_entries|netstat_Tcp_CurrEstab|entropy_available|memory_(Dirty|Writeback|Mapped|Anon|Active|Inactive|PageTables|SecPageTables|KernelStack|Committed_AS|MemFree|Shmem|SwapCached|Mlocked|Unevictable|Percpu|AnonHuge))/;

function wrongValues(
  told: readonly (readonly [string, number])[],
  around: { before: Exposition; after: Exposition },
): Map<string, string> {
  const wrong = new Map<string, string>();
  for (const [series, value] of told) {
    const first = around.before.samples.get(series);
    const last = around.after.samples.get(series);
    if (first === undefined || last === undefined || momentary.test(series)) continue;
    // Counters lie between the two scrapes; what is measured may move by a tenth around them.
    const kind = kindOfNodeMetric(nameOf(series));
    const slack = kind === 'gauge' ? Math.max(Math.abs(first), Math.abs(last)) / 10 : 0.02;
    const isBetween =
      value >= Math.min(first, last) - slack && value <= Math.max(first, last) + slack;
    if (!isBetween) wrong.set(series, `${series} ${value}: ${first} to ${last}`);
  }
  return wrong;
}

describe.each(['core', 'full'])('beside a real node_exporter, the profile %s', (profile) => {
  it('tells no series that it would not tell, labels included', () => {
    const unknown = compared(profile).filter(
      ([series]) => !before.samples.has(series) && !after.samples.has(series),
    );
    expect(unknown.map(([series]) => series).filter((series) => !isNewer(series))).toEqual([]);
  });

  it('tells the same values', async () => {
    let wrong = wrongValues(compared(profile), { before, after });
    // Other tests come and go on the machine: wrong is what is wrong at every look.
    for (let look = 0; wrong.size > 0 && look < 5; look += 1) {
      const around = { before: await scrape(), told: await once(profile), after: await scrape() };
      const again = wrongValues([...around.told.samples], around);
      wrong = new Map([...wrong].filter(([series]) => again.has(series)));
    }
    expect([...wrong.values()]).toEqual([]);
  });

  it('types them as it does', () => {
    for (const [series] of compared(profile)) {
      const type = after.types.get(nameOf(series));
      if (type !== undefined)
        expect([series, kindOfNodeMetric(nameOf(series))]).toEqual([series, type]);
    }
  });
});

/** A node_exporter of 2022 does not know them yet. */
const isNewer = (series: string) =>
  /^node_(pressure_irq_|netstat_TcpExt_(TCPOFOQueue|TCPRcvQDrop)$)/.test(series);

describe('the profiles', () => {
  it('full leaves nothing out that is not listed with a reason', () => {
    const names = new Set([...told.get('full')!.samples.keys()].map(nameOf));
    // A card that does not know its speed says -1, which it passes on as -125000 bytes.
    const real = [...after.samples].filter(
      ([series, value]) => !(series.startsWith('node_network_speed_bytes') && value < 0),
    );
    const missing = real.map(([series]) => nameOf(series)).filter((name) => !names.has(name));
    const unexplained = [...new Set(missing)].filter(
      (name) => !isNotTold(name) && !ofItself.test(name),
    );
    // Said by the running agent only, not by the command `once`.
    const ofRunning = /^process_(cpu_seconds_total|resident_memory_bytes|start_time_seconds)$/;
    expect(unexplained.filter((name) => !ofRunning.test(name))).toEqual([]);
  });

  it('lean tells none of its names', () => {
    expect([...told.get('lean')!.samples.keys()].filter(isNode)).toEqual([]);
  });

  it('each has all that the one before it has', () => {
    for (const [less, more] of [
      ['lean', 'core'],
      ['core', 'full'],
    ] as const) {
      const names = new Set([...told.get(more)!.samples.keys()].map(nameOf));
      // Which programs lead, and whether any does, is of the moment.
      const lost = [...told.get(less)!.samples.keys()]
        .map(nameOf)
        .filter((name) => !names.has(name) && !name.startsWith('proc_top_'));
      expect(lost).toEqual([]);
    }
  });
});
