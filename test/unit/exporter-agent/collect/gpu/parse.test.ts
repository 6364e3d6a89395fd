import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseGpu, parseGpuProcess } from '../../../../../exporter-agent/collect/gpu/parse.ts';

const first = 'GPU-6f1c9a52-0b1d-4f0e-8c55-3d2f6a7b9e01';
const recorded = (name: string) =>
  readFileSync(new URL(`../../../../fixtures/gpu/${name}.csv`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map(parseGpu);

describe('a line about a card', () => {
  it('is read whole from a data centre card', () => {
    expect(recorded('a100-pair')[0]).toEqual({
      index: 0,
      uuid: first,
      model: 'NVIDIA A100-SXM4-80GB',
      utilizationPercent: 97,
      memoryUsedMib: 71_234,
      memoryTotalMib: 81_920,
      temperatureC: 61,
      powerW: 388.42,
    });
    expect(recorded('a100-pair')[1]).toMatchObject({ index: 1, utilizationPercent: 0 });
  });

  it.each([
    ['h100-mig', { utilizationPercent: undefined, memoryUsedMib: 87, temperatureC: 29 }],
    ['old-quadro', { utilizationPercent: undefined, powerW: undefined, memoryTotalMib: 2_000 }],
    ['geforce', { utilizationPercent: 12, powerW: 35.12 }],
  ])('leaves out, and never makes 0 of, what %s does not tell', (name, expected) => {
    expect(recorded(name)[0]).toMatchObject(expected);
  });

  it('of a card that fell off the bus keeps what is still told', () => {
    expect(recorded('fell-off')[1]).toMatchObject({
      utilizationPercent: undefined,
      memoryUsedMib: undefined,
      memoryTotalMib: 81_920,
      temperatureC: undefined,
    });
  });

  it.each([
    'NVIDIA-SMI has failed, because, it, could, not, communicate, with, it',
    'No devices were found',
    `0, ${first}, NVIDIA A100`,
    `x, ${first}, NVIDIA A100, 1, 2, 3, 4, 5`,
    '0, not a uuid, NVIDIA A100, 1, 2, 3, 4, 5',
    '',
  ])('is none: %j', (line) => {
    expect(parseGpu(line)).toBeUndefined();
  });

  it('keeps a model with a comma in one piece', () => {
    expect(parseGpu(`0, ${first}, Card, Special, 1, 2, 3, 4, 5`)?.model).toBe('Card, Special');
  });
});

describe('a line about a program', () => {
  it.each([
    [`${first}, 4242, 30720`, { uuid: first, pid: 4_242, memoryMib: 30_720 }],
    [`${first}, 4242, /opt/a, b, c, 512`, { uuid: first, pid: 4_242, memoryMib: 512 }],
    [`${first}, 4242, [N/A]`, { uuid: first, pid: 4_242, memoryMib: undefined }],
    ['MIG-11-22, 7, 1', { uuid: 'MIG-11-22', pid: 7, memoryMib: 1 }],
  ])('%s', (line, expected) => {
    expect(parseGpuProcess(line)).toEqual(expected);
  });

  it.each([
    'No running processes found',
    `${first}, 0, 1`,
    `${first}, [N/A], 1`,
    `${first}, 12`,
    '',
  ])('is none: %j', (line) => {
    expect(parseGpuProcess(line)).toBeUndefined();
  });
});
