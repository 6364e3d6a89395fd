import type { Command } from 'commander';

const head = `# The command line

In a checkout every command runs as \`npx gaugeway …\`. Each says what it takes, with examples, with \`--help\`.

## Which server, and as whom

Commands that ask or change a running server find it, and a credential for it, in this order:

1. \`--url\` with \`--key\` or \`--key-file\`, and \`--ca\` for a certificate that is not trusted as it is;
2. \`GAUGEWAY_URL\`, \`GAUGEWAY_KEY\` or \`GAUGEWAY_KEY_FILE\`, \`GAUGEWAY_CA_FILE\`;
3. what \`gaugeway login\` has left: a session of seven days, renewed with each use, in \`~/.config/gaugeway/login.json\`
   (0600; \`XDG_CONFIG_HOME\` moves it). The password is not kept. \`gaugeway logout\` ends it here and at the server;
4. on the machine of a server that \`npm start\` runs: its address and its read key, from the data directory. Reading
   works at once; for what only an administrator may do, \`gaugeway login\`.

A login and the local key go to the server that they are of, and to no other.

## For people and for programs

On a terminal tables are as wide as it is, and coloured (\`NO_COLOR\` turns that off); into a file or a pipe nothing is
cut or coloured. \`--json\` prints the API's own answer, whose shape is stable. Progress and warnings go to standard error.
Where the server says that there were too many requests, reads wait as long as it says, for two minutes at most; what
changes something is asked once. Passwords are asked for without echo, taken from standard input with
\`--password-stdin\`, or made with \`--generate\` and shown once. What cannot be taken back asks first; scripts say \`--yes\`.

## Completion

\`\`\`sh
gaugeway completion bash > ~/.local/share/bash-completion/completions/gaugeway
gaugeway completion zsh > "\${fpath[1]}/_gaugeway"
\`\`\`

## Options of every command that talks to a server

`;

const rest = `The rest of this page is made from \`--help\` by \`gaugeway reference\`; these options are left out of it.
`;

/** As `addConnectionOptions` heads them. */
const connection = /\n\nWhich server, and as whom:\n([^]*?)(?=\n\n|\n*$)/;

export function referenceOf(program: Command): string {
  const [, shared = ''] =
    program.commands.map((one) => connection.exec(helpOf(one))).find(Boolean) ?? [];
  const top = `${head}\`\`\`text\n${shared}\n\`\`\`\n\n${rest}`;
  return [top, ...sectionsOf(program, [], 2)].join('\n');
}

function sectionsOf(command: Command, parents: readonly string[], level: number): string[] {
  const path = [...parents, command.name()];
  const title = `${'#'.repeat(level)} ${path.join(' ')}`;
  const visible = command.createHelp().visibleCommands(command);
  const inner = visible
    .filter((sub) => sub.name() !== 'help')
    .flatMap((sub) => sectionsOf(sub, path, Math.min(level + 1, 4)));
  return [`${title}\n\n\`\`\`text\n${helpOf(command).replace(connection, '')}\n\`\`\`\n`, ...inner];
}

/** As \`--help\` prints it, with what stands below it. */
function helpOf(command: Command): string {
  let text = '';
  const before = command.configureOutput();
  command.configureOutput({
    ...before,
    writeOut: (part) => void (text += part),
    getOutHelpWidth: () => 100,
  });
  command.outputHelp();
  command.configureOutput(before);
  return text.trim();
}
