import { describe, expect, it } from 'vitest';
import { runProgram } from '../../../src/cli/index.ts';
import { createTestTerminal } from '../../support/terminal.ts';

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const { terminal, said } = createTestTerminal();
  const code = await runProgram(argv, '1.2.3', {
    ...terminal,
    agentScript: '/nowhere/agent.js',
    installFolder: '/nowhere/install',
    pdfScript: '',
    migrationsDir: '/nowhere',
  });
  return { code, ...said() };
}

describe('the gaugeway command', () => {
  it('tells its version and its commands, and ends with 0', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
    const help = await run('--help');
    expect(help.code).toBe(0);
    for (const command of ['up', 'serve', 'doctor', 'config', 'victoria']) {
      expect(help.out).toContain(`  ${command} `);
    }
  });

  it('ends with 2 for a command or an option that it does not have', async () => {
    expect((await run('fly')).code).toBe(2);
    expect((await run('up', '--fly')).code).toBe(2);
  });

  it('ends with 2 and the place for a configuration that is wrong', async () => {
    const result = await run('config', 'check', '--config', '/nowhere.yaml');
    expect(result.code).toBe(2);
    expect(result.err).toContain('gaugeway: /nowhere.yaml: cannot be read');
  });

  it('prints what is in force', async () => {
    const result = await run('config', 'print');
    expect(result.code).toBe(0);
    expect(result.out).toContain('ingest.max_decoded_bytes: 8MiB');
  });

  it('serve without stores says which variable is missing and what else can be done', async () => {
    const result = await run('serve');
    expect(result.code).toBe(2);
    expect(result.err).toMatch(/GAUGEWAY_DATABASE_URL is not set.*npm start/);
  });
});
