import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/index.ts';
import { configReference } from '../../src/platform/index.ts';
import { createTestTerminal } from '../support/terminal.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('what is generated', () => {
  it('src/wire/kernel/kernel.wasm.ts is what its sources give (node bin/kernel.js)', () => {
    const { status, stderr } = spawnSync(process.execPath, ['bin/kernel.js', '--check'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('docs/reference/configuration.md is what the schema gives (gaugeway config reference)', () => {
    const page = readFileSync(join(root, 'docs/reference/configuration.md'), 'utf8');
    expect(page).toBe(configReference());
  });

  it('docs/cli.md is what the commands say with --help (gaugeway reference)', async () => {
    const { terminal, said } = createTestTerminal();
    const nowhere = { agentScript: '', installFolder: '', migrationsDir: '', pdfScript: '' };
    await runProgram(['reference'], '1.2.3', { ...terminal, ...nowhere });
    expect(readFileSync(join(root, 'docs/cli.md'), 'utf8')).toBe(said().out);
  });
});
