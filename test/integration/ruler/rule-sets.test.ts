import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/platform/index.ts';
import { createRuleSets, type RuleSets } from '../../../src/ruler/index.ts';

const rule = (name: string) => `groups:\n- name: ${name}\n  rules: [{alert: A, expr: up == 0}]\n`;

let folder: string;
let nowMs: number;
let warnings: string[];
let sets: RuleSets;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gaugeway-sets-'));
  nowMs = Date.now();
  warnings = [];
  sets = createRuleSets({
    ...{ folder, firstTenant: 'default', apiRules: () => Promise.resolve([]) },
    defaults: { intervalMs: 30_000, queryOffsetMs: 0 },
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    log: { ...silentLogger, warn: (message) => void warnings.push(message) },
  });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file as it stood at a moment. */
function put(name: string, text: string, atMs = nowMs - 60_000): void {
  writeFileSync(join(folder, name), text);
  utimesSync(join(folder, name), atMs / 1000, atMs / 1000);
}

const keys = () => sets.all().map(({ tenantId, key }) => `${tenantId} ${key}`);

describe('rule sets of a folder', () => {
  it('are those of its files, and of the tenants that have a folder of their own', async () => {
    put('a.yaml', rule('g'));
    mkdirSync(join(folder, 'tenants', 'acme'), { recursive: true });
    put('tenants/acme/b.yml', rule('h'));
    put('tenants/readme.txt', 'no tenant');
    expect(await sets.reload()).toBe(true);
    expect(keys()).toEqual(['default a.yaml;g', 'acme b.yml;h']);
    expect(await sets.reload()).toBe(false);
  });

  it('stay where a file breaks, which is said with its place, until it is good again', async () => {
    put('a.yaml', rule('g'));
    await sets.reload();
    put('a.yaml', `${rule('g')}nonsense: 1\n`, nowMs - 50_000);
    await sets.reload();
    expect(keys()).toEqual(['default a.yaml;g']);
    expect(sets.problems()).toMatchObject([{ message: 'unknown field "nonsense"' }]);
    put('a.yaml', rule('better'), nowMs - 40_000);
    await sets.reload();
    expect(keys()).toEqual(['default a.yaml;better']);
    expect(sets.problems()).toEqual([]);
  });

  it('wait for a file that is just being written', async () => {
    put('a.yaml', rule('g'));
    await sets.reload();
    put('a.yaml', '', nowMs - 100);
    expect(await sets.reload()).toBe(false);
    expect(keys()).toEqual(['default a.yaml;g']);
    put('a.yaml', rule('whole'), nowMs - 50);
    nowMs += 5_000;
    expect(await sets.reload()).toBe(true);
    expect(keys()).toEqual(['default a.yaml;whole']);
  });

  it('go with their file', async () => {
    put('a.yaml', rule('g'));
    await sets.reload();
    rmSync(join(folder, 'a.yaml'));
    expect(await sets.reload()).toBe(true);
    expect(keys()).toEqual([]);
  });

  it('stay where the folder cannot be read, and that is said once', async () => {
    put('a.yaml', rule('g'));
    await sets.reload();
    rmSync(folder, { recursive: true });
    await sets.reload();
    await sets.reload();
    expect(keys()).toEqual(['default a.yaml;g']);
    expect(warnings).toEqual(['rule files not read']);
  });
});
