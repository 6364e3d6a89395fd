import type { Command } from 'commander';
import { wrongUse } from '../exit.ts';
import { talks, type Session, type Shell } from '../session.ts';
import { table, type Colour } from '../show/table.ts';
import { ago, figure, moment, plain, plural } from '../show/text.ts';
import { endOf } from './keys.ts';
import { addPageOptions, readList, restOf, type PageOptions } from './lists.ts';

interface Alert {
  id: string;
  rule_name: string;
  host_id: string | null;
  state: string;
  severity: string;
  value: number | null;
  started_at: string;
  acknowledged_by: string | null;
}

interface Silence {
  id: string;
  state: string;
  matchers: { name: string; value: string; isRegex: boolean; isEqual: boolean }[];
  ends_at: string;
  created_by: string;
  comment: string;
}

const events = '/api/v1/alerts/events';
const silences = '/api/v1/silences';

/** What fires, and what people say about it. */
export function addAlertCommands(program: Command, shell: Shell): void {
  const alerts = program
    .command('alert')
    .description('what fires; taking it over, and silencing it')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway alert list --state firing
  gaugeway alert ack 01a2… --comment 'I look into it'
  gaugeway alert ack --match 'severity="critical"' --comment 'known, power work'
  gaugeway alert silence 'role="db"' 'zone="eu"' --for 2h --comment 'upgrade'
  gaugeway alert silences`,
    );
  addListing(alerts, shell);
  addAcknowledging(alerts, shell);
  addSilencing(alerts, shell);
}

interface ListOptions extends PageOptions {
  state?: string;
  host?: string;
  severity?: string;
}

const stateColours: Readonly<Record<string, Colour>> = {
  firing: 'red',
  acknowledged: 'yellow',
  resolved: 'dim',
};

function addListing(alerts: Command, shell: Shell): void {
  const list = addPageOptions(
    alerts
      .command('list')
      .description('alert events, newest first')
      .option('--state <state>', 'firing, acknowledged or resolved')
      .option('--host <id>', 'of one host')
      .option('--severity <severity>', 'info, warning, critical, …'),
  );
  talks<[], ListOptions>(shell, list, async (session, options) => {
    const { state, host, severity } = options;
    const wanted = { path: events, name: 'alerts' as const };
    const query = { state, host_id: host, severity };
    const answer = await readList<'alerts', Alert>(session, { ...wanted, query }, options);
    session.show(answer, () => alertTable(answer.alerts, session) + restOf(answer.alerts, answer));
  });
}

function alertTable(alerts: readonly Alert[], { terminal, nowMs }: Session): string {
  return table(
    alerts,
    [
      { title: 'STATE', value: ({ state }) => state, colour: ({ state }) => stateColours[state] },
      { title: 'SEVERITY', value: ({ severity }) => severity },
      { title: 'ALERT', value: ({ rule_name: name }) => name, canShrink: true },
      { title: 'HOST', value: ({ host_id: host }) => host, canShrink: true },
      { title: 'VALUE', value: ({ value }) => figure(value), isNumber: true },
      { title: 'STARTED', value: ({ started_at: at }) => ago(at, nowMs()) },
      { title: 'BY', value: ({ acknowledged_by: by }) => by, canShrink: true },
      { title: 'ID', value: ({ id }) => id },
    ],
    terminal,
  );
}

interface AckOptions {
  match?: string[];
  comment: string;
  for?: string;
}

interface Acknowledged {
  acknowledged: number;
  results: { id: string; status: string; reason?: string }[];
}

const collect = (one: string, before: string[] = []): string[] => [...before, one];

function addAcknowledging(alerts: Command, shell: Shell): void {
  const ack = alerts
    .command('ack')
    .description('take alerts over: no repeats; the resolved message still comes')
    .argument('[ids...]', 'of events')
    .option(
      '--match <matcher>',
      'in place of ids: severity="critical"; all given must hold',
      collect,
    )
    .option('--comment <text>', 'for the others', '')
    .option('--for <duration>', 'the alert comes back after this; never when absent');
  talks<[string[]], AckOptions>(shell, ack, async (session, options, ids) => {
    const { match, comment } = options;
    if (ids.length > 0 === (match !== undefined)) throw wrongUse('give ids, or --match');
    const until =
      options.for === undefined ? {} : { expires_at: endOf(options.for, session.nowMs()) };
    const body = { ...(match ? { match } : { ids }), comment, ...until };
    const path = `${events}/acknowledge`;
    const answer = await session.remote.send<Acknowledged>('POST', path, { body });
    const refused = answer.results.filter(({ status }) => status === 'refused');
    session.show(answer, () => {
      const lines = refused.map(
        ({ id, reason }) => `${plain(id)}: ${plain(reason ?? 'refused')}\n`,
      );
      return `${plural(answer.acknowledged, 'alert')} acknowledged\n${lines.join('')}`;
    });
    if (refused.length > 0) shell.finish(1);
  });
}

function addSilencing(alerts: Command, shell: Shell): void {
  const silence = alerts
    .command('silence')
    .description('hold back messages about matching alerts until an end')
    .argument('<matchers...>', 'host_id="web-1", role=~"db|cache"; all must hold')
    .requiredOption('--comment <text>', 'why')
    .option('--for <duration>', 'how long', '1h');
  talks<[string[]], { comment: string; for: string }>(
    shell,
    silence,
    async (session, options, matchers) => {
      const ends = endOf(options.for, session.nowMs());
      const body = { matchers, comment: options.comment, ends_at: ends };
      const made = await session.remote.send<Silence>('POST', silences, { body });
      session.show(made, () => `silenced until ${moment(made.ends_at)} UTC; id ${made.id}\n`);
    },
  );
  const list = addPageOptions(
    alerts
      .command('silences')
      .description('silences and maintenance windows')
      .option('--state <state>', 'active, pending or expired'),
  );
  talks<[], PageOptions & { state?: string }>(shell, list, async (session, options) => {
    const wanted = { path: silences, name: 'silences' as const, query: { state: options.state } };
    const answer = await readList<'silences', Silence>(session, wanted, options);
    session.show(
      answer,
      () => silenceTable(answer.silences, session) + restOf(answer.silences, answer),
    );
  });
  const unsilence = alerts
    .command('unsilence')
    .description('end a silence now')
    .argument('<id>', 'of the silence');
  talks<[string], object>(shell, unsilence, async (session, _options, id) => {
    const answer = await session.remote.send('DELETE', `${silences}/${encodeURIComponent(id)}`);
    session.show(answer, () => `the silence ${id} has ended\n`);
  });
}

const signs = ['!=', '=', '!~', '=~'] as const;

function silenceTable(rows: readonly Silence[], { terminal }: Session): string {
  return table(
    rows,
    [
      { title: 'STATE', value: ({ state }) => state },
      {
        ...{ title: 'MATCHERS', canShrink: true },
        value: ({ matchers }) =>
          matchers
            .map(
              (one) =>
                `${one.name}${signs[Number(one.isRegex) * 2 + Number(one.isEqual)]!}"${one.value}"`,
            )
            .join(' '),
      },
      { title: 'UNTIL (UTC)', value: ({ ends_at: end }) => moment(end) },
      { title: 'BY', value: ({ created_by: by }) => by, canShrink: true },
      { title: 'WHY', value: ({ comment }) => comment, canShrink: true },
      { title: 'ID', value: ({ id }) => id },
    ],
    terminal,
  );
}
