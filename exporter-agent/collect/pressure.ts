import type { Collector, Emit } from './collector.ts';
import type { NodeMetricName } from './node/metric.ts';
import { isMissing, type Procfs } from './procfs/root.ts';

const microsPerSecond = 1e6;

interface Line {
  file: string;
  /** `some`: at least one task waited; `full`: all of them did. */
  kind: 'some' | 'full';
  name: NodeMetricName;
}

/** `cpu` has no meaningful `full` for the system as a whole; `irq` has nothing else. */
const lines: readonly Line[] = [
  { file: 'cpu', kind: 'some', name: 'node_pressure_cpu_waiting_seconds_total' },
  { file: 'io', kind: 'some', name: 'node_pressure_io_waiting_seconds_total' },
  { file: 'io', kind: 'full', name: 'node_pressure_io_stalled_seconds_total' },
  { file: 'memory', kind: 'some', name: 'node_pressure_memory_waiting_seconds_total' },
  { file: 'memory', kind: 'full', name: 'node_pressure_memory_stalled_seconds_total' },
  { file: 'irq', kind: 'full', name: 'node_pressure_irq_stalled_seconds_total' },
];

/** Pressure stall information, Documentation/accounting/psi.rst: `some avg10=0.00 … total=12345` in microseconds. */
export function createPressureCollector(procfs: Procfs): Collector {
  return {
    name: 'pressure',
    emits: [],
    collect(_tick, emit) {
      let shown = 0;
      for (const file of ['cpu', 'io', 'memory', 'irq']) shown += collectFile(procfs, file, emit);
      return shown > 0 ? 'ok' : 'not-on-this-host';
    },
  };
}

/** Answers with how many values there were; a kernel without the file, or with PSI switched off, has none. */
function collectFile(procfs: Procfs, file: string, emit: Emit): number {
  let text: string;
  try {
    text = procfs.read(`pressure/${file}`);
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
  let shown = 0;
  for (const line of lines) {
    if (line.file !== file) continue;
    const total = new RegExp(`^${line.kind} .* total=(\\d+)\\n`, 'm').exec(text)?.[1];
    if (total === undefined) continue;
    emit(line.name, Number(total) / microsPerSecond);
    shown += 1;
  }
  return shown;
}
