import type { Command } from 'commander';
import { talks, type Session, type Shell } from '../session.ts';
import { table } from '../show/table.ts';
import { moment } from '../show/text.ts';
import { addPageOptions, confirm, findOne, readList, restOf, type PageOptions } from './lists.ts';
import { newPassword, type PasswordOptions } from './passwords.ts';

interface User {
  id: string;
  email: string;
  role: string;
  status: string;
  created_at: string;
}

const path = '/api/v1/users';
const roleHelp = 'Viewer (reads), Operator (also acknowledges and silences) or Admin';

const find = (session: Session, wanted: string): Promise<User> =>
  findOne<User>(
    session,
    { path, name: 'users', what: 'user', wanted, shownBy: 'user list' },
    (user) => [user.id, user.email],
  );

/** The people of the administrator's own tenant. */
export function addUserCommands(program: Command, shell: Shell): void {
  const users = program
    .command('user')
    .description('people who log in')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway user list
  gaugeway user add ana@example.com --role Operator --generate
  gaugeway user role ana@example.com Admin
  gaugeway user passwd ana@example.com
  gaugeway user disable ana@example.com`,
    );
  addReading(users, shell);
  addMaking(users, shell);
  addChanging(users, shell);
}

function addReading(users: Command, shell: Shell): void {
  const list = addPageOptions(users.command('list').description('users of the tenant'));
  talks<[], PageOptions>(shell, list, async (session, options) => {
    const answer = await readList<'users', User>(session, { path, name: 'users' }, options);
    session.show(answer, () => tableOf(answer.users, session) + restOf(answer.users, answer));
  });
}

function tableOf(users: readonly User[], { terminal }: Session): string {
  return table(
    users,
    [
      { title: 'E-MAIL', value: ({ email }) => email, canShrink: true },
      { title: 'ROLE', value: ({ role }) => role },
      {
        title: 'STATUS',
        value: ({ status }) => status,
        colour: ({ status }) => (status === 'active' ? undefined : 'dim'),
      },
      { title: 'SINCE', value: ({ created_at: since }) => moment(since) },
      { title: 'ID', value: ({ id }) => id },
    ],
    terminal,
  );
}

function addMaking(users: Command, shell: Shell): void {
  const add = passwordOptions(
    users
      .command('add')
      .description('add a user')
      .argument('<email>')
      .option('--role <role>', roleHelp, 'Viewer'),
  );
  talks<[string], PasswordOptions & { role: string }>(
    shell,
    add,
    async (session, options, email) => {
      const { password, isGenerated } = await newPassword(session.terminal.input, options);
      const body = { email, password, role: options.role };
      const user = await session.remote.send<User>('POST', path, { body });
      session.show(
        { ...user, ...(isGenerated ? { password } : {}) },
        () => `${user.email} is a user (${user.role})\n${shownOnce(password, isGenerated)}`,
      );
    },
  );
  const passwd = passwordOptions(
    users.command('passwd').description('give a user a new password').argument('<user>', userHelp),
  );
  talks<[string], PasswordOptions>(shell, passwd, async (session, options, wanted) => {
    const user = await find(session, wanted);
    const { password, isGenerated } = await newPassword(session.terminal.input, options);
    const changed = await patch(session, user, { password });
    session.show(
      { ...changed, ...(isGenerated ? { password } : {}) },
      () => `${user.email} has a new password\n${shownOnce(password, isGenerated)}`,
    );
  });
}

const userHelp = 'e-mail or id';

const passwordOptions = (command: Command): Command =>
  command
    .option('--password-stdin', 'take the password from standard input')
    .option('--generate', 'make one, and show it this once');

const shownOnce = (password: string, isGenerated: boolean): string =>
  isGenerated ? `password: ${password}   (shown this once)\n` : '';

const patch = ({ remote }: Session, { id }: User, body: Partial<User> & { password?: string }) =>
  remote.send<User>('PATCH', `${path}/${encodeURIComponent(id)}`, { body });

function addChanging(users: Command, shell: Shell): void {
  const role = users
    .command('role')
    .description('give a user another role')
    .argument('<user>', userHelp)
    .argument('<role>', roleHelp);
  talks<[string, string], object>(shell, role, async (session, _options, wanted, wish) => {
    const changed = await patch(session, await find(session, wanted), { role: wish });
    session.show(changed, () => `${changed.email} is ${changed.role}\n`);
  });
  for (const [name, status, description] of [
    ['disable', 'disabled', 'keep a user out, whatever is open ends'],
    ['enable', 'active', 'let a user in again'],
  ] as const) {
    const command = users.command(name).description(description).argument('<user>', userHelp);
    talks<[string], object>(shell, command, async (session, _options, wanted) => {
      const changed = await patch(session, await find(session, wanted), { status });
      session.show(changed, () => `${changed.email} is ${changed.status}\n`);
    });
  }
  const remove = users
    .command('remove')
    .description('remove a user')
    .argument('<user>', userHelp)
    .option('-y, --yes', 'do not ask');
  talks<[string], { yes?: boolean }>(shell, remove, async (session, { yes }, wanted) => {
    const { id, email } = await find(session, wanted);
    await confirm(session, `Remove the user ${email}?`, yes);
    await session.remote.send('DELETE', `${path}/${encodeURIComponent(id)}`);
    session.show({ id, email, status: 'removed' }, () => `${email} is removed\n`);
  });
}
