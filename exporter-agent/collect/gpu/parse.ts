/** One GPU at one moment; undefined where the card does not tell. */
export interface GpuReading {
  /** As nvidia-smi counts; may change with the next boot. */
  index: number;
  uuid: string;
  model: string;
  utilizationPercent: number | undefined;
  memoryUsedMib: number | undefined;
  memoryTotalMib: number | undefined;
  temperatureC: number | undefined;
  powerW: number | undefined;
}

/** A program that computes on a GPU. */
export interface GpuProcess {
  uuid: string;
  pid: number;
  /** Undefined where it is not told (`[N/A]`, under MIG without the right to see it). */
  memoryMib: number | undefined;
}

export const gpuQuery =
  '--query-gpu=index,uuid,name,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw';

/** Not `process_name`: that holds arguments at times, and those may hold secrets. */
export const processQuery = '--query-compute-apps=gpu_uuid,pid,used_gpu_memory';

const figuresOfGpu = 5;

/** A line of `gpuQuery` in csv,noheader,nounits; undefined for anything else, such as an error message. */
export function parseGpu(line: string): GpuReading | undefined {
  const fields = line.split(', ');
  const index = toNumber(fields[0]);
  const uuid = fields[1] ?? '';
  if (index === undefined || !isUuid(uuid) || fields.length < 3 + figuresOfGpu) return undefined;
  const [utilization, used, total, temperature, power] = fields.slice(-figuresOfGpu).map(toNumber);
  return {
    index,
    uuid,
    model: fields.slice(2, -figuresOfGpu).join(', '),
    utilizationPercent: utilization,
    memoryUsedMib: used,
    memoryTotalMib: total,
    temperatureC: temperature,
    powerW: power,
  };
}

/** The first two fields and the last: a name between them may hold commas. */
export function parseGpuProcess(line: string): GpuProcess | undefined {
  const fields = line.split(', ');
  const uuid = fields[0] ?? '';
  const pid = toNumber(fields[1]);
  if (!isUuid(uuid) || pid === undefined || pid <= 0 || fields.length < 3) return undefined;
  return { uuid, pid, memoryMib: toNumber(fields.at(-1)) };
}

const isUuid = (text: string) => /^(?:GPU|MIG)-[\w/-]{1,80}$/.test(text);

/** `[N/A]`, `N/A`, `[Not Supported]` and `[Unknown Error]` are no figure, and not 0 either. */
function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}
