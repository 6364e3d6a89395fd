import type { Emit, Labels } from '../collector.ts';
import { parseGpu, type GpuReading } from './parse.ts';

interface Card extends GpuReading {
  atMs: number;
  labels: Labels;
}

const staleIntervals = 3;
const mostCards = 64;

/** What the cards told last; one that fell silent (fallen off the bus) is forgotten by itself. */
export function createCards() {
  const cards = new Map<string, Card>();
  return {
    /** False for a line that is no reading. */
    take: (line: string, atMs: number): boolean => {
      const read = parseGpu(line);
      if (read === undefined) return false;
      const known = cards.get(read.uuid);
      if (known === undefined && cards.size >= mostCards) return true;
      const labels = known?.index === read.index ? known.labels : toLabels(read);
      cards.set(read.uuid, { ...read, atMs, labels });
      return true;
    },
    clear: () => cards.clear(),
    isEmpty: () => cards.size === 0,
    all: (): Iterable<GpuReading> => cards.values(),
    indexOf: (uuid: string) => cards.get(uuid)?.index,
    expire(nowMs: number, loopSeconds: number): void {
      for (const { uuid, atMs } of cards.values()) {
        if (nowMs - atMs > 1000 * staleIntervals * loopSeconds) cards.delete(uuid);
      }
    },
    /** A figure that the card does not tell is NaN, which the runner leaves out. */
    emit(emit: Emit): void {
      for (const card of cards.values()) {
        const { labels } = card;
        emit('gpu_utilization', card.utilizationPercent ?? NaN, labels);
        emit('gpu_memory_used_mb', card.memoryUsedMib ?? NaN, labels);
        emit('gpu_memory_total_mb', card.memoryTotalMib ?? NaN, labels);
        emit('gpu_temperature_c', card.temperatureC ?? NaN, labels);
        emit('gpu_power_w', card.powerW ?? NaN, labels);
      }
    },
  };
}

const toLabels = ({ index, uuid, model }: GpuReading): Labels => [
  ['gpu', String(index)],
  ['uuid', uuid],
  ['model', model],
];
