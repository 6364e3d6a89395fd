import type { Command } from 'commander';
import { parseDuration } from '../../platform/index.ts';
import { wrongUse } from '../exit.ts';
import { talks, type Session, type Shell } from '../session.ts';
import { table } from '../show/table.ts';

interface Budget {
  limit: number | null;
  used: number;
  share: number | null;
}

interface Usage {
  tenant: string;
  from: string;
  until: string;
  total: Record<string, number>;
  budgets: Record<string, Budget>;
  hours: ({ hour: string } & Record<string, number | string>)[];
}

/** Of the own tenant where none is named. */
export function addTenantUsage(tenants: Command, shell: Shell): void {
  const command = tenants
    .command('usage')
    .description('what a tenant used, beside its budgets; the own tenant where none is named')
    .argument('[id]', 'id of the tenant')
    .option('--since <duration>', 'how far back', '24h');
  talks<[string | undefined], { since: string }>(shell, command, async (session, { since }, id) => {
    const backMs = parseDuration(since);
    if (backMs === undefined) throw wrongUse(`"${since}" is no duration: 24h, 7d`);
    const from = new Date(session.nowMs() - backMs).toISOString();
    const path =
      id === undefined ? '/api/v1/usage' : `/api/v1/tenants/${encodeURIComponent(id)}/usage`;
    const usage = await session.remote.get<Usage>(path, { from });
    session.show(usage, () => textOf(usage, session));
  });
}

function textOf({ tenant, total, budgets }: Usage, { terminal }: Session): string {
  const figures = Object.entries(total).map(([name, value]) => `${name} ${String(value)}`);
  const shown = (value: number): string => String(Math.round(value * 10) / 10);
  const rows = table(
    Object.entries(budgets),
    [
      { title: 'BUDGET', value: ([name]) => name },
      { title: 'USED', value: ([, { used }]) => shown(used) },
      { title: 'LIMIT', value: ([, { limit }]) => (limit === null ? 'none' : shown(limit)) },
      {
        title: 'SHARE',
        value: ([, { share }]) => (share === null ? '' : `${shown(share * 100)} %`),
        colour: ([, { share }]) => (share !== null && share > 0.9 ? 'red' : undefined),
      },
    ],
    terminal,
  );
  return `${tenant}: ${figures.join(', ')}\n${rows}`;
}
