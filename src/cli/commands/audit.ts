import type { Command } from 'commander';
import { talks, type Session, type Shell } from '../session.ts';
import { table } from '../show/table.ts';
import { moment } from '../show/text.ts';
import { addPageOptions, readList, restOf, type PageOptions } from './lists.ts';

interface Entry {
  id: string;
  timestamp: string;
  actor: { kind: string; name: string };
  action: string;
  target: string;
  ip: string | null;
}

interface AuditOptions extends PageOptions {
  user?: string;
  action?: string;
  target?: string;
  since?: string;
  until?: string;
}

/** PRP §12.4. */
export function addAuditCommand(program: Command, shell: Shell): void {
  const command = addPageOptions(
    program
      .command('audit')
      .description('who did what, newest first')
      .option('--user <name>', 'by one user or key')
      .option('--action <action>', 'user_created, key_revoked, login_failed, …')
      .option('--target <target>', 'user:ID, key:ID, host:ID, …')
      .option('--since <time>', 'RFC 3339')
      .option('--until <time>', 'RFC 3339'),
  ).addHelpText(
    'after',
    '\nExamples:\n  gaugeway audit --limit 20\n  gaugeway audit --action login_failed --since 2026-11-01T00:00:00Z',
  );
  talks<[], AuditOptions>(shell, command, async (session, options) => {
    const { user, action, target, since, until } = options;
    const query = { user, action, target, since, until };
    const wanted = { path: '/api/v1/audit', name: 'entries' as const, query };
    const answer = await readList<'entries', Entry>(session, wanted, options);
    session.show(answer, () => tableOf(answer.entries, session) + restOf(answer.entries, answer));
  });
}

function tableOf(entries: readonly Entry[], { terminal }: Session): string {
  return table(
    entries,
    [
      { title: 'TIME (UTC)', value: ({ timestamp }) => moment(timestamp) },
      { title: 'WHO', value: ({ actor }) => `${actor.kind} ${actor.name}`, canShrink: true },
      { title: 'ACTION', value: ({ action }) => action },
      { title: 'TARGET', value: ({ target }) => target, canShrink: true },
      { title: 'FROM', value: ({ ip }) => ip },
    ],
    terminal,
  );
}
