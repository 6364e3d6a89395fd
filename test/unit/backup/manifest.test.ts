import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findDamage, manifestName, readManifest, sealManifest } from '../../../src/backup/index.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gaugeway-backup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = { path: 'data/key', bytes: 3, sha256: 'a'.repeat(64) };
const part = { name: 'data', kind: 'data' as const, isHeld: true, bytes: 3, folders: [] };
const seal = (path = file.path) =>
  sealManifest({
    ...{ version: '1.2.3', createdAt: '2026-11-23T00:00:00.000Z', migrations: ['202611220900_x'] },
    postgres: { server: 15, tool: 15 },
    parts: [{ ...part, files: [{ ...file, path }] }],
  });
const put = (text: string): void => writeFileSync(join(folder, manifestName), text);

describe('a manifest', () => {
  it('is read as it was written', () => {
    put(seal());
    expect(readManifest(folder)).toMatchObject({ version: '1.2.3', parts: [{ files: [file] }] });
  });

  it.each(['../key', '/etc/passwd', 'data/../../key', ''])('never leads to "%s"', (path) => {
    put(seal(path));
    expect(() => readManifest(folder)).toThrow(/cannot be used: parts\.0\.files\.0\.path/);
  });

  it('shows each changed byte', () => {
    const text = seal();
    for (let at = text.indexOf('1.2.3'); at < text.indexOf('digest'); at += 1) {
      if (/[\s{}[\]",:]/.test(text[at]!)) continue;
      put(`${text.slice(0, at)}${text[at] === '7' ? '8' : '7'}${text.slice(at + 1)}`);
      expect(() => readManifest(folder), String(at)).toThrow(/cannot be used/);
    }
  });

  it('of a newer format says so, and half a one too', () => {
    put(seal().replace('"format": 1', '"format": 2'));
    expect(() => readManifest(folder)).toThrow('it has the format 2, this program reads 1');
    put(seal().slice(0, 100));
    expect(() => readManifest(folder)).toThrow('cannot be used');
  });

  it('that is missing means that the backup was not finished', () => {
    expect(() => readManifest(folder)).toThrow('no backup, or one that was not finished');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('finds the file that is gone, shorter or another', async () => {
    const place = join(folder, 'key');
    const held = { ...file, path: 'key', bytes: 3 };
    const damage = () => findDamage(folder, { parts: [{ ...part, files: [held] }] });
    expect(await damage()).toContain('key cannot be read');
    writeFileSync(place, 'ab');
    expect(await damage()).toBe('key has 2 bytes, not 3');
    writeFileSync(place, 'abc');
    expect(await damage()).toBe('key has another checksum');
    // echo -n abc | sha256sum
    held.sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(await damage()).toBeUndefined();
  });
});
