import { configKeys, type ConfigKey } from './keys.ts';
import type { LoadedConfig } from './load.ts';

const head = `# Configuration

One YAML file (\`--config FILE\`, or \`GAUGEWAY_CONFIG\`); every key can also be given in the environment,
which wins over the file. Unknown keys are errors. \`gaugeway config check\` judges a configuration,
\`gaugeway config print\` shows what is in force. Durations: \`250ms\`, \`30s\`, \`1h30m\`, \`7d\`.
Sizes: \`512KiB\`, \`8MiB\`, \`2GiB\`. Lists in the environment: commas between the items.
Keys marked *secret* are never printed or logged.

This page is made from the schema by \`gaugeway config reference\`.
`;

/** The page \`docs/reference/configuration.md\`. */
export function configReference(): string {
  const sections = [...new Set(configKeys.map(sectionOf))];
  const tables = sections.map((section) => {
    const rows = configKeys.filter((key) => sectionOf(key) === section).map(rowOf);
    const title = section === '' ? '## General' : `## ${section}`;
    return `${title}\n\n| key | environment | default | what |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return [head, ...tables].join('\n');
}

function sectionOf(key: ConfigKey): string {
  return key.filePath.length > 1 ? key.filePath[0]! : '';
}

function rowOf(key: ConfigKey): string {
  const fallback = key.fallback ? `\`${key.fallback}\`` : '';
  const secret = key.secret ? ' *Secret.*' : '';
  const kind = key.kind === 'text' ? '' : ` (${key.kind})`;
  return `| \`${key.filePath.join('.')}\` | \`${key.variable}\` | ${fallback} | ${key.help}${kind}${secret} |`;
}

/** Every key with the value in force and the place that gave it; of secrets only whether they are set. */
export function describeConfig({ config, given }: LoadedConfig): string {
  const lines = configKeys.map((key) => {
    const name = key.filePath.join('.');
    const place = given.get(name);
    return `${name}: ${shown(key, config, place)}${place ? `  # ${place}` : ''}`;
  });
  return `${lines.join('\n')}\n`;
}

function shown(key: ConfigKey, config: object, place: string | undefined): string {
  if (key.secret) return place ? '[set]' : '';
  const value = key.path.reduce<unknown>(
    (at, name) => (at as Readonly<Record<string, unknown>>)[name],
    config,
  );
  if (value === undefined) return '';
  if (key.kind === 'duration') return formatDuration(value as number);
  if (key.kind === 'size') return formatBytes(value as number);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function formatDuration(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const;
  const unit = units.find(([, size]) => ms > 0 && ms % size === 0);
  if (ms === 0) return '0s';
  return unit ? `${ms / unit[1]}${unit[0]}` : `${ms}ms`;
}

function formatBytes(count: number): string {
  const units = [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const;
  const unit = units.find(([, size]) => count > 0 && count % size === 0);
  return unit ? `${count / unit[1]}${unit[0]}` : `${count}B`;
}
