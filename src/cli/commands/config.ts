import type { Command } from 'commander';
import {
  configReference,
  describeConfig,
  loadConfig,
  type LoadedConfig,
} from '../../platform/index.ts';
import type { Shell } from '../session.ts';

interface ConfigOptions {
  config?: string;
  json?: boolean;
}

export const load = ({ config }: { config?: string }): LoadedConfig =>
  loadConfig(config === undefined ? {} : { file: config });

export function addConfigCommands(program: Command, { terminal }: Shell): void {
  const config = program
    .command('config')
    .description('the configuration of a server')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway config check --config gaugeway.yaml
  gaugeway config print --json | jq .config.retention
  gaugeway config reference`,
    );
  const add = (name: string, description: string): Command =>
    config
      .command(name)
      .description(description)
      .option('-c, --config <file>', 'YAML file; GAUGEWAY_CONFIG when absent')
      .option('--json', 'for programs');
  add('check', 'judge file and environment; 2 with every mistake and its place').action(
    (options: ConfigOptions) => {
      const { given } = load(options);
      const answer = { ok: true, given: given.size };
      terminal.out(options.json ? jsonOf(answer) : 'the configuration is good\n');
    },
  );
  add('print', 'what is in force, and where it comes from; no secrets').action(
    (options: ConfigOptions) => {
      const loaded = load(options);
      const answer = { config: loaded.config, given: Object.fromEntries(loaded.given) };
      terminal.out(options.json ? jsonOf(answer) : describeConfig(loaded));
    },
  );
  config
    .command('reference')
    .description('the page docs/reference/configuration.md')
    .action(() => terminal.out(configReference()));
}

const jsonOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
