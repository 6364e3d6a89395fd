import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gaugeway-rule-tests-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Said {
  code: number;
  out: string;
  err: string;
}

async function cli(...args: string[]): Promise<Said> {
  try {
    const { stdout, stderr } = await run(process.execPath, ['bin/gaugeway.js', ...args]);
    // A checkout builds itself when it has changed.
    return { code: 0, out: stdout, err: stderr.replace('building …\n', '') };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

describe('gaugeway rules', () => {
  it('holds the starter set to its tests', async () => {
    const files = ['agent', 'gaugeway', 'gpu', 'host'].map((name) => `rules/${name}.test.yaml`);
    const said = await cli('rules', 'test', ...files);
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out.match(/SUCCESS/g)).toHaveLength(files.length);
  });

  it('finds the starter set good', async () => {
    const said = await cli('rules', 'check', 'rules');
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out).toContain('Checking rules/host.yaml\n  SUCCESS: 4 rules found\n');
  });

  it('says where a rule is wrong, with the text underlined, and fails', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(
      file,
      'groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: sum(up\n',
    );
    const said = await cli('rules', 'check', file);
    expect(said.code).toBe(1);
    expect(said.err).toContain(`${file}:5:`);
    expect(said.err).toMatch(/\n {2}5 \| {9}expr: sum\(up\n.*\^/);
  });

  it('ends with 2 for a file that is not there', async () => {
    expect((await cli('rules', 'test', join(folder, 'none.yaml'))).code).toBe(2);
  });
});
