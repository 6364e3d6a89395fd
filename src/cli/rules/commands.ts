import type { Command } from 'commander';
import { checkRules, type CheckOptions } from './check.ts';
import { testRules, type TestOptions } from './test.ts';

interface Terminal {
  out: (text: string) => void;
  err: (text: string) => void;
}

/** `gaugeway rules …`: what people do with rules before a server has them. */
export function addRuleCommands(
  program: Command,
  terminal: Terminal,
  finish: (isGood: boolean) => void,
): void {
  const rules = program.command('rules').description('rule files');
  rules
    .command('check')
    .description('judge rule files of both dialects')
    .argument('<paths...>', 'files, or folders of them')
    .option('--json', 'what was found, for programs')
    .action((paths: string[], options: CheckOptions) =>
      finish(checkRules(paths, options, terminal)),
    );
  rules
    .command('test')
    .description("run unit-test files of promtool, as they are, with this server's rules")
    .argument('<files...>', 'test files')
    .option('--run <regexp>', 'only groups of tests whose name matches')
    .option('--json', 'what they came to, for programs')
    .action(async (files: string[], options: TestOptions) =>
      finish(await testRules(files, options, terminal)),
    );
}
