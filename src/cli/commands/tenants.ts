import type { Command } from 'commander';
import { wrongUse } from '../exit.ts';
import { talks, type Session, type Shell } from '../session.ts';
import { table } from '../show/table.ts';
import { moment } from '../show/text.ts';
import { addPageOptions, confirm, readList, restOf, type PageOptions } from './lists.ts';
import { addTenantUsage } from './tenant-usage.ts';

interface Tenant {
  id: string;
  name: string;
  status: string;
  status_reason: string | null;
  created_at: string;
  policy: Record<string, number | string>;
}

interface Deletion {
  tenant: string;
  status: string;
  step: string;
  series: number;
  series_left: number | null;
  files: number;
  rows: Record<string, number>;
  error: string | null;
  requested_by: string;
  requested_at: string;
  finished_at: string | null;
  verified_at: string | null;
}

const path = '/api/v1/tenants';
const pathOf = (id: string): string => `${path}/${encodeURIComponent(id)}`;
const idHelp = 'id of the tenant';

/** What administrators of the tenant `default` do with the others. */
export function addTenantCommands(program: Command, shell: Shell): void {
  const tenants = program
    .command('tenant')
    .description('tenants, their budgets and what they use')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway tenant list
  gaugeway tenant create acme --admin ana@acme.example
  gaugeway tenant limit acme --set max_active_series=50000 --set samples_per_second=5000
  gaugeway tenant usage acme --since 7d
  gaugeway tenant suspend acme --reason "not paid"
  gaugeway tenant delete acme
  gaugeway tenant deletion acme`,
    );
  addReading(tenants, shell);
  addMaking(tenants, shell);
  addLife(tenants, shell);
  addTenantUsage(tenants, shell);
}

function addReading(tenants: Command, shell: Shell): void {
  const list = addPageOptions(tenants.command('list').description('all tenants'));
  talks<[], PageOptions>(shell, list, async (session, options) => {
    const answer = await readList<'tenants', Tenant>(session, { path, name: 'tenants' }, options);
    session.show(answer, () => tableOf(answer.tenants, session) + restOf(answer.tenants, answer));
  });
}

function tableOf(tenants: readonly Tenant[], { terminal }: Session): string {
  return table(
    tenants,
    [
      { title: 'ID', value: ({ id }) => id },
      { title: 'NAME', value: ({ name }) => name, canShrink: true },
      {
        title: 'STATUS',
        value: ({ status, status_reason: reason }) =>
          reason === null ? status : `${status}: ${reason}`,
        canShrink: true,
        colour: ({ status }) => (status === 'active' ? undefined : 'dim'),
      },
      {
        title: 'OWN LIMITS',
        value: ({ policy }) =>
          Object.entries(policy)
            .map(([name, value]) => `${name}=${value}`)
            .join(' '),
        canShrink: true,
      },
      { title: 'SINCE', value: ({ created_at: since }) => moment(since) },
    ],
    terminal,
  );
}

function addMaking(tenants: Command, shell: Shell): void {
  const create = tenants
    .command('create')
    .description('make a tenant and its first administrator, whose password is shown this once')
    .argument('<id>', 'a-z, 0-9 and dashes')
    .requiredOption('--admin <email>', 'of the administrator')
    .option('--name <name>', 'for people; the id where absent');
  talks<[string], { admin: string; name?: string }>(shell, create, async (session, options, id) => {
    const body = { id, name: options.name ?? id, admin_email: options.admin };
    const made = await session.remote.send<
      Tenant & { admin: { email: string; password?: string } }
    >(...(['POST', path, { body }] as const));
    const { email, password = '' } = made.admin;
    session.show(
      made,
      () => `the tenant ${id} is made\n${email}\npassword: ${password}   (shown this once)\n`,
    );
  });
  const limit = tenants
    .command('limit')
    .description('set limits of a tenant')
    .argument('<id>', idHelp)
    .requiredOption('--set <limit=value...>', 'as in the API: max_active_series=50000');
  talks<[string], { set: string[] }>(shell, limit, async (session, { set }, id) => {
    const body = { policy: Object.fromEntries(set.map(limitOf)) };
    const changed = await session.remote.send<Tenant>('PATCH', pathOf(id), { body });
    session.show(changed, () => tableOf([changed], session));
  });
}

function limitOf(text: string): [string, number | string] {
  const [name = '', value = ''] = text.split('=', 2);
  if (name === '' || value === '') throw wrongUse(`"${text}" is not limit=value`);
  return [name, /^\d+$/.test(value) ? Number(value) : value];
}

function addLife(tenants: Command, shell: Shell): void {
  const suspend = tenants
    .command('suspend')
    .description('refuse a tenant everything, and keep all it has')
    .argument('<id>', idHelp)
    .requiredOption('--reason <text>', 'shown with the tenant and in the audit log');
  talks<[string], { reason: string }>(shell, suspend, async (session, { reason }, id) => {
    const body = { reason };
    const tenant = await session.remote.send<Tenant>('POST', `${pathOf(id)}/suspend`, { body });
    session.show(tenant, () => `${id} is suspended\n`);
  });
  const resume = tenants
    .command('resume')
    .description('serve a suspended tenant again')
    .argument('<id>', idHelp);
  talks<[string], object>(shell, resume, async (session, _options, id) => {
    const tenant = await session.remote.send<Tenant>('POST', `${pathOf(id)}/resume`);
    session.show(tenant, () => `${id} is served again\n`);
  });
  const remove = tenants
    .command('delete')
    .description('delete a tenant with all its data')
    .argument('<id>', idHelp)
    .option('-y, --yes', 'do not ask');
  talks<[string], { yes?: boolean }>(shell, remove, async (session, { yes }, id) => {
    const question = `Delete the tenant ${id} with all its series, files and rows? There is no way back.`;
    await confirm(session, question, yes);
    const ordered = await session.remote.send<Deletion>(
      ...(['DELETE', `${pathOf(id)}?confirm=${encodeURIComponent(id)}`] as const),
    );
    session.show(
      ordered,
      () => `${id} is shut and will be deleted; \`gaugeway tenant deletion ${id}\` tells how far\n`,
    );
  });
  const deletion = tenants
    .command('deletion')
    .description('how far the deletion of a tenant is, and the proof of it')
    .argument('<id>', idHelp);
  talks<[string], object>(shell, deletion, async (session, _options, id) => {
    const found = await session.remote.get<Deletion>(`${pathOf(id)}/deletion`);
    session.show(found, () => deletionText(found, session));
  });
}

function deletionText(found: Deletion, { terminal }: Session): string {
  const { tenant, status, step, series, files, error } = found;
  const left = found.series_left === null ? 'not counted yet' : String(found.series_left);
  const lines = [
    `${tenant}: ${status}${status === 'done' ? '' : ` (${step})`}`,
    `ordered by ${found.requested_by}, ${moment(found.requested_at)}`,
    ...(found.finished_at === null ? [] : [`finished ${moment(found.finished_at)}`]),
    ...(error === null ? [] : [`last try: ${error}`]),
    `series: ${String(series)} removed, left: ${left}; files: ${String(files)}`,
  ];
  const rows = Object.entries(found.rows).filter(([, count]) => count > 0);
  const columns = [
    { title: 'TABLE', value: ([name]: [string, number]) => name },
    { title: 'ROWS REMOVED', value: ([, count]: [string, number]) => String(count) },
  ];
  return `${lines.join('\n')}\n${rows.length === 0 ? '' : table(rows, columns, terminal)}`;
}
