import { toProductRule, type AlertingRule } from '../../rules/index.ts';
import type { Session } from '../session.ts';
import { readGroups } from './convert.ts';

export interface PreviewOptions {
  range: string;
  json?: boolean;
}

interface Preview {
  total: number;
  evaluations: number;
  notifications: Record<string, number>;
  noisiest_hosts: { host_id: string; fired: number; notifications: number }[];
  episodes: {
    labels: Record<string, string>;
    fired_at: string | null;
    ended_at: string | null;
    value: number | null;
  }[];
}

const mostEpisodes = 20;

/** Each rule of a file over the history that a running server has: what would have fired, and who would have been told. */
export async function previewRules(
  file: string,
  { range, json }: PreviewOptions,
  { remote, terminal, progress }: Session,
): Promise<void> {
  const rules = readGroups(file).flatMap((group) => group.rules);
  const alerting = rules.filter((rule): rule is AlertingRule => rule.kind === 'alert');
  const found: { name: string; preview: Preview }[] = [];
  for (const rule of alerting) {
    progress.say(`${rule.name} over ${range} …`);
    const body = { rule: toProductRule(rule), range };
    const preview = await remote.send<Preview>('POST', '/api/v1/alerts/rules/preview', { body });
    found.push({ name: rule.name, preview });
    progress.clear();
    if (!json) terminal.out(textOf(rule.name, preview, range));
  }
  if (json) terminal.out(`${JSON.stringify(found, null, 2)}\n`);
}

function textOf(name: string, preview: Preview, range: string): string {
  const { episodes, notifications, noisiest_hosts: hosts } = preview;
  const messages = Object.values(notifications).reduce((sum, count) => sum + count, 0);
  const lines = [
    `${name}: ${preview.total} episodes and ${messages} messages in ${range} (${preview.evaluations} evaluations)`,
    ...episodes
      .slice(0, mostEpisodes)
      .map(({ labels, fired_at: fired, ended_at: ended, value }) => {
        const what = Object.entries(labels)
          .filter(([label]) => label !== 'alertname')
          .map(([label, text]) => `${label}=${text}`);
        const when = fired === null ? 'pending only' : `${fired} to ${ended ?? 'now'}`;
        return `  ${when}  ${what.join(' ')}  value ${value ?? 'NaN'}`;
      }),
    ...(episodes.length > mostEpisodes ? [`  … and ${preview.total - mostEpisodes} more`] : []),
    ...(hosts.length > 1
      ? [
          `  most: ${hosts
            .slice(0, 5)
            .map(({ host_id: host, fired }) => `${host} (${fired})`)
            .join(', ')}`,
        ]
      : []),
  ];
  return `${lines.join('\n')}\n\n`;
}
