import type { Command } from 'commander';
import { checkRules, type CheckOptions } from './check.ts';
import { convertRules, type ConvertOptions } from './convert.ts';
import { talks, type Shell } from '../session.ts';
import { previewRules, type PreviewOptions } from './preview.ts';
import { testRules, type TestOptions } from './test.ts';

/** `gaugeway rules …`: what people do with rules before a server has them. */
export function addRuleCommands(program: Command, shell: Shell): void {
  const { terminal } = shell;
  const finish = (isGood: boolean): void => shell.finish(isGood ? 0 : 1);
  const rules = program
    .command('rules')
    .description('rule files')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway rules check rules/
  gaugeway rules test rules/*.test.yaml
  gaugeway rules convert --to prometheus rules/host.yaml
  gaugeway rules preview rules/host.yaml --range 24h`,
    );
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
  rules
    .command('convert')
    .description('print a rule file in the other dialect')
    .argument('<file>', 'a rule file of either dialect')
    .requiredOption('--to <dialect>', 'prometheus or gaugeway')
    .action((file: string, options: ConvertOptions) => convertRules(file, options, terminal));
  const preview = rules
    .command('preview')
    .description('what the rules of a file would have come to over the history of a running server')
    .argument('<file>', 'a rule file of either dialect')
    .option('--range <duration>', 'how far back', '24h');
  talks<[string], PreviewOptions>(shell, preview, (session, options, file) =>
    previewRules(file, options, session),
  );
}
