import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { completionFor } from '../../../src/cli/commands/completion.ts';

const program = new Command('gaugeway');
const host = program.command('host').description("a host's");
host.command('import').argument('<file>').option('--dry-run', 'only: look');
program.command('reference', { hidden: true });

describe('completion', () => {
  it('for bash knows the words below each command', () => {
    const script = completionFor('bash', program);
    expect(script).toContain("['.']='host help --help'");
    expect(script).toContain("['host import']='--dry-run --help'");
    expect(script).not.toContain('reference');
  });

  it('for zsh says what each is, and where a file is meant', () => {
    const script = completionFor('zsh', program);
    expect(script).toContain("'host:a host'\\''s'");
    expect(script).toContain("'--dry-run:only\\: look'");
    expect(script).toMatch(/'host import'\) .*files=1 ;;/);
    expect(script).toMatch(/'host'\) .*files= ;;/);
  });

  it('is for these two shells', () => {
    expect(() => completionFor('fish', program)).toThrow('expected bash or zsh');
  });
});
