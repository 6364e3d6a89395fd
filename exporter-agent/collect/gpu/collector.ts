import type { Collector } from '../collector.ts';
import type { GpuUse } from '../process/rank.ts';
import type { ProcessPolicy } from '../process/ranking.ts';
import type { Procfs } from '../procfs/root.ts';
import { createCards } from './cards.ts';
import { createKeeper } from './keeper.ts';
import { gpuQuery, processQuery } from './parse.ts';
import { createProgramTeller, createPrograms, processLoopSeconds } from './programs.ts';
import type { StartTool } from './tool.ts';

export interface GpuCollector extends Collector {
  /** GPU memory of a process, for the process list. */
  useOf(pid: number): GpuUse | undefined;
  follow(policy: () => ProcessPolicy): void;
  /** True while the tool was started and has told nothing yet. */
  isStarting(): boolean;
  /** Ends the tool and forgets what it told; the next `collect` starts it anew. */
  stop(): void;
}

export interface GpuDeps {
  /** Names of processes. */
  procfs: Pick<Procfs, 'readOnce'>;
  /** Undefined where there is no tool, or none is wanted. Asked again every ten minutes: drivers load late. */
  find: () => StartTool | undefined;
  monotonicMs: () => number;
}

/** More often is of no use to anybody, less often would hold a hung tool too long. */
const longestLoopSeconds = 15;
const lookAgainMs = 600_000;

/**
 * NVIDIA cards, by nvidia-smi kept running: each start would load the driver anew and take seconds (field notes:
 * agent §1.6). A tick only looks at what has been told; it never waits for the tool.
 */
export function createGpuCollector(deps: GpuDeps): GpuCollector {
  const cards = createCards();
  const programs = createPrograms();
  const tellPrograms = createProgramTeller(deps.procfs);
  let tools: Tools | undefined;
  let nextLookMs = -Infinity;
  let policyNow: () => ProcessPolicy = () => ({ topN: 10, mask: false });

  function findTools(nowMs: number): Tools | undefined {
    if (tools !== undefined || nowMs < nextLookMs) return tools;
    nextLookMs = nowMs + lookAgainMs;
    const start = deps.find();
    return start && createTools(start, { cards, programs, monotonicMs: deps.monotonicMs });
  }

  return {
    name: 'gpu',
    emits,
    follow: (policy) => (policyNow = policy),
    isStarting: () => tools !== undefined && cards.isEmpty() && tools.gpus.trouble() === undefined,
    stop() {
      tools?.gpus.stop();
      tools?.apps.stop();
      cards.clear();
      programs.clear();
    },
    useOf: (pid) => programs.useOf(pid, (uuid) => cards.indexOf(uuid)),
    collect({ monotonicMs: nowMs, intervalMs }, emit) {
      tools = findTools(nowMs);
      if (tools === undefined) return 'not-on-this-host';
      const { gpus, apps } = tools;
      const policy = policyNow();
      const loopSeconds = toLoopSeconds(intervalMs);
      gpus.look(nowMs, loopSeconds);
      const trouble = gpus.trouble();
      if (trouble === undefined && policy.topN > 0) apps.look(nowMs, processLoopSeconds);
      else apps.stop();
      if (trouble !== undefined) throw new Error(trouble);
      cards.expire(nowMs, loopSeconds);
      programs.expire(nowMs);
      if (cards.isEmpty()) return 'not-yet';
      cards.emit(emit);
      for (const card of cards.all()) tellPrograms(card, programs.on(card.uuid), { policy, emit });
      return 'ok';
    },
  };
}

type Tools = ReturnType<typeof createTools>;

function createTools(
  start: StartTool,
  to: {
    cards: ReturnType<typeof createCards>;
    programs: ReturnType<typeof createPrograms>;
    monotonicMs: () => number;
  },
) {
  const common = { start, monotonicMs: to.monotonicMs };
  const apps = createKeeper({
    ...common,
    query: processQuery,
    take: to.programs.take,
    onLost: to.programs.clear,
    maySilent: true,
  });
  const gpus = createKeeper({
    ...common,
    query: gpuQuery,
    take: to.cards.take,
    maySilent: false,
    // A tool that hangs on the cards hangs on their programs too.
    onLost: () => {
      to.cards.clear();
      to.programs.clear();
      apps.stop();
    },
  });
  return { gpus, apps };
}

const emits = [
  'gpu_utilization',
  'gpu_memory_used_mb',
  'gpu_memory_total_mb',
  'gpu_temperature_c',
  'gpu_power_w',
  'gpu_process_pid',
] as const;

const toLoopSeconds = (intervalMs: number) =>
  Math.min(longestLoopSeconds, Math.max(1, Math.round(intervalMs / 1000)));
