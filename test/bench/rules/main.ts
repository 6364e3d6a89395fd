import { cpuSeconds, Stage, startStorage } from '../../support/stage.ts';
import { print, type Table } from '../report.ts';
import { startRuler, startVmalert, type Contestant, type Work } from './contestant.ts';
import { fillFleet } from './fleet.ts';
import { ruleFile } from './rule-file.ts';

interface Size {
  rules: number;
  hosts: number;
}

interface Options {
  sizes: readonly Size[];
  /** Of each contestant, after a warm-up of half of it. */
  seconds: number;
}

/** Short enough that neither rests: the time of a full cycle is then what the work takes. */
const interval = '1s';

/** The same rules over the same storage, one contestant after the other, each as fast as it can. */
export async function benchRules({ sizes, seconds }: Options): Promise<Table[]> {
  const rows: string[][] = [];
  for (const size of sizes) {
    const stage = new Stage();
    try {
      rows.push(...(await measure(stage, size, seconds)));
    } finally {
      await stage.end();
    }
  }
  const table = {
    title: 'Rules at full speed beside vmalert: the same file, the same VictoriaMetrics, in turn',
    columns: [
      ...['rules', 'hosts', 'program', 'full cycle s', 'of vmalert', 'rules/s'],
      ...['CPU-s per 1,000 rules', 'of vmalert', 'storage CPU-s per 1,000 rules', 'alerts'],
    ],
    rows,
    notes: [
      'Groups of 50 rules, an interval of 1 s: where a cycle takes longer than that, the next one begins at once. Full cycle: the time for as many evaluations as there are rules. Half ask the whole fleet, three tenths a tag, two tenths one host; a fiftieth of the hosts is above the threshold. Gaugeway also stores states in Postgres, whose CPU is not in the figure.',
    ],
  };
  print(table);
  return [table];
}

interface Figures {
  name: string;
  cycleSeconds: number;
  cpu: number;
  storageCpu: number;
  rate: number;
  alerts: number;
}

async function measure(stage: Stage, { rules, hosts }: Size, seconds: number): Promise<string[][]> {
  const storage = await startStorage(stage);
  await fillFleet(storage.target, { hosts, stepSeconds: 15, minutes: 12 });
  const file = ruleFile(rules, hosts, interval);
  const figures: Figures[] = [];
  for (const start of [startVmalert, startRuler]) {
    const own = new Stage();
    try {
      figures.push(
        await watch(await start(own, storage, file), storage.pid() ?? 0, { rules, seconds }),
      );
    } finally {
      await own.end();
    }
  }
  const [peer] = figures;
  return figures.map((one) => [
    ...[String(rules), String(hosts), one.name],
    ...[one.cycleSeconds.toFixed(2), ratio(one.cycleSeconds, peer?.cycleSeconds)],
    ...[one.rate.toFixed(0), one.cpu.toFixed(2), ratio(one.cpu, peer?.cpu)],
    ...[one.storageCpu.toFixed(2), String(one.alerts)],
  ]);
}

const ratio = (value: number, peer = 0) => (value / peer).toFixed(2);

async function watch(
  one: Contestant,
  storagePid: number,
  { rules, seconds }: { rules: number; seconds: number },
): Promise<Figures> {
  await untilCycles(one, rules, 2, seconds * 1_000);
  const look = async () => ({
    ...{ work: await one.work(), atMs: performance.now() },
    ...{ cpu: cpuSeconds(one.pid), storageCpu: cpuSeconds(storagePid) },
  });
  const before = await look();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const after = await look();
  const evaluations = after.work.evaluations - before.work.evaluations;
  if (evaluations === 0) throw new Error(`${one.name} evaluated nothing`);
  const elapsed = (after.atMs - before.atMs) / 1_000;
  const per1000 = 1_000 / evaluations;
  return {
    name: one.name,
    cycleSeconds: (elapsed / evaluations) * rules,
    rate: evaluations / elapsed,
    cpu: (after.cpu - before.cpu) * per1000,
    storageCpu: (after.storageCpu - before.storageCpu) * per1000,
    alerts: after.work.alerts,
  };
}

/** Past the first sight of everything; a contestant that cannot is measured as it is. */
async function untilCycles(
  one: Contestant,
  rules: number,
  cycles: number,
  mostMs: number,
): Promise<void> {
  const untilMs = performance.now() + mostMs;
  let work: Work = await one.work();
  const first = work.evaluations;
  while (work.evaluations - first < rules * cycles && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    work = await one.work();
  }
}
