import type { Collector, Tick } from './collector.ts';

/** What the agent knows of itself beside its process; read at each tick. */
export interface SelfState {
  version: string;
  /** Server minus host, milliseconds; undefined until a heartbeat was answered. */
  clockOffsetMs: number | undefined;
  stuckMounts: number;
  sentBatches: number;
  unwrittenSamples: number;
  droppedBatches: ReadonlyMap<string, number>;
  spool: { bytes: number; batches: number };
}

export interface SelfCost {
  rssBytes: number;
  /** User and system time of the process since it started, microseconds. */
  cpuMicros: number;
}

export interface SelfCollector extends Collector {
  /** The last figures, for the heartbeat. */
  cost(): { rssBytes: number; cpuRatio: number };
}

export function createSelfCollector(deps: {
  state: () => SelfState;
  cost: () => SelfCost;
}): SelfCollector {
  let last: { tick: Tick; cpuMicros: number } | undefined;
  let shown = { rssBytes: 0, cpuRatio: 0 };
  let ticks = 0;
  return {
    name: 'self',
    emits: [
      'agent_heartbeat_timestamp_seconds',
      'agent_build_info',
      'agent_ticks_total',
      'agent_self_rss_bytes',
      'agent_self_cpu_ratio',
      'agent_clock_offset_seconds',
      'agent_stuck_mounts',
      'agent_sent_batches_total',
      'agent_unwritten_samples_total',
      'agent_dropped_batches_total',
      'agent_spool_bytes',
      'agent_spool_batches',
    ],
    collect(tick, emit) {
      const state = deps.state();
      const cost = deps.cost();
      emit('agent_heartbeat_timestamp_seconds', tick.wallMs / 1000);
      emit('agent_build_info', 1, [['version', state.version]]);
      emit('agent_ticks_total', (ticks += 1));
      emit('agent_self_rss_bytes', cost.rssBytes);
      const ratio = last && cpuRatio(last, { tick, cpuMicros: cost.cpuMicros });
      if (ratio !== undefined) emit('agent_self_cpu_ratio', ratio);
      shown = { rssBytes: cost.rssBytes, cpuRatio: ratio ?? shown.cpuRatio };
      last = { tick, cpuMicros: cost.cpuMicros };
      if (state.clockOffsetMs !== undefined) {
        emit('agent_clock_offset_seconds', state.clockOffsetMs / 1000);
      }
      emit('agent_stuck_mounts', state.stuckMounts);
      emit('agent_sent_batches_total', state.sentBatches);
      emit('agent_unwritten_samples_total', state.unwrittenSamples);
      for (const [reason, count] of state.droppedBatches) {
        emit('agent_dropped_batches_total', count, [['reason', reason]]);
      }
      emit('agent_spool_bytes', state.spool.bytes);
      emit('agent_spool_batches', state.spool.batches);
      return 'ok';
    },
    cost: () => shown,
  };
}

function cpuRatio(
  earlier: { tick: Tick; cpuMicros: number },
  later: { tick: Tick; cpuMicros: number },
): number | undefined {
  const elapsedMicros = (later.tick.monotonicMs - earlier.tick.monotonicMs) * 1000;
  return elapsedMicros > 0 ? (later.cpuMicros - earlier.cpuMicros) / elapsedMicros : undefined;
}
