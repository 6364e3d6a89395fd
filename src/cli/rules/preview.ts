import { GaugewayError, messageOf } from '../../platform/index.ts';
import { toProductRule, type AlertingRule, type ProductRule } from '../../rules/index.ts';
import { readGroups } from './convert.ts';

export interface PreviewOptions {
  url: string;
  key?: string;
  range: string;
  json?: boolean;
}

interface Terminal {
  out: (text: string) => void;
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
  options: PreviewOptions,
  terminal: Terminal,
): Promise<void> {
  const rules = readGroups(file).flatMap((group) => group.rules);
  const alerting = rules.filter((rule): rule is AlertingRule => rule.kind === 'alert');
  const found: { name: string; preview: Preview }[] = [];
  for (const rule of alerting) {
    const preview = await ask(toProductRule(rule), options);
    found.push({ name: rule.name, preview });
    if (!options.json) terminal.out(textOf(rule.name, preview, options.range));
  }
  if (options.json) terminal.out(`${JSON.stringify(found, null, 2)}\n`);
}

async function ask(rule: ProductRule, { url, key, range }: PreviewOptions): Promise<Preview> {
  let answer: Response;
  try {
    answer = await fetch(`${url.replace(/\/$/, '')}/api/v1/alerts/rules/preview`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ rule, range }),
    });
  } catch (error) {
    throw new GaugewayError('UNAVAILABLE', `${url}: ${messageOf(error)}`, { cause: error });
  }
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text) as Preview;
  throw new GaugewayError('BAD_REQUEST', `${url} answered ${answer.status}: ${text.slice(0, 500)}`);
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
