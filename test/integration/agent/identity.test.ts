import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepKey } from '../../../exporter-agent/credential.ts';
import { loadHostId, machineFingerprint } from '../../../exporter-agent/identity.ts';

let folder: string;
let other: string;
let machineIdFile: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gaugeway-identity-'));
  other = await mkdtemp(join(tmpdir(), 'gaugeway-identity-'));
  machineIdFile = join(folder, 'machine-id');
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  await rm(other, { recursive: true });
});

describe('a machine', () => {
  it('has the fingerprint and the name that its machine-id gives', async () => {
    await writeFile(machineIdFile, `${'0f'.repeat(16)}\n`);
    const print = await machineFingerprint(machineIdFile, folder);
    expect(print).toMatch(/^[0-9a-f]{64}$/);
    expect(await machineFingerprint(machineIdFile, other)).toBe(print);
    const name = (stateDir: string) =>
      loadHostId({ configured: undefined, stateDir, machineIdFile });
    expect(await name(folder)).toBe(await name(other));
  });

  it.each(['', 'uninitialized\n', 'none'])(
    'whose machine-id is %j is not taken for another one of that image',
    async (text) => {
      await writeFile(machineIdFile, text);
      const print = await machineFingerprint(machineIdFile, folder);
      expect(await machineFingerprint(machineIdFile, other)).not.toBe(print);
      expect(await machineFingerprint(machineIdFile, folder)).toBe(print);
      const name = (stateDir: string) =>
        loadHostId({ configured: undefined, stateDir, machineIdFile });
      expect(await name(folder)).not.toBe(await name(other));
    },
  );
});

describe('a key that is kept', () => {
  it('is closed to others, and follows no link that lies in its way', async () => {
    const victim = join(other, 'victim');
    await writeFile(victim, 'untouched');
    await symlink(victim, join(folder, 'key.new'));
    await symlink(victim, join(folder, 'key'));
    expect(keepKey(folder, 'gwk_secret')).toBe(true);
    expect(await readFile(victim, 'utf8')).toBe('untouched');
    expect(await readFile(join(folder, 'key'), 'utf8')).toBe('gwk_secret\n');
    expect((await stat(join(folder, 'key'))).mode & 0o777).toBe(0o600);
  });

  it('is not called kept where it is not', async () => {
    await writeFile(machineIdFile, 'a file');
    expect(keepKey(join(machineIdFile, 'state'), 'gwk_secret')).toBe(false);
  });
});
