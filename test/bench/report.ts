import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';

export interface Table {
  title: string;
  columns: string[];
  rows: string[][];
  notes?: string[];
}

export function toMarkdown({ title, columns, rows, notes = [] }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `### ${title}`,
    '',
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map(line),
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
  ].join('\n');
}

export function print(table: Table | undefined): void {
  if (table) console.log(toMarkdown(table));
}

function versionOf(command: string, flag: string): string {
  try {
    const text = execFileSync(command, [flag], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return text.split('\n')[0]?.trim() ?? '';
  } catch {
    return '';
  }
}

function debianVersion(name: string): string {
  try {
    return execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' });
  } catch {
    return 'unknown';
  }
}

export function machine(): string {
  const vm = versionOf('victoria-metrics', '--version');
  return [
    `Node ${process.version}, ${String(cpus().length)} cores (${cpus()[0]?.model ?? 'unknown'});`,
    `VictoriaMetrics and vmagent ${vm === '' ? '' : `${vm}, `}Debian ${debianVersion('victoria-metrics')};`,
    `${new Date().toISOString().slice(0, 10)}.`,
  ].join(' ');
}
