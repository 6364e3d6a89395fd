import type { Argument, Command, Option } from 'commander';
import { wrongUse } from '../exit.ts';

/** A command as shells need it: its words, and what may follow. */
interface Node {
  /** `host list`; empty for the program itself. */
  path: string;
  words: { word: string; help: string }[];
  takesFile: boolean;
}

export function addCompletionCommand(program: Command, out: (text: string) => void): void {
  program
    .command('completion')
    .description('print a script by which a shell completes these commands')
    .argument('<shell>', 'bash or zsh')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway completion bash > ~/.local/share/bash-completion/completions/gaugeway
  gaugeway completion zsh > "\${fpath[1]}/_gaugeway"`,
    )
    .action((shell: string) => out(completionFor(shell, program)));
}

export function completionFor(shell: string, program: Command): string {
  const nodes = nodesOf(program, []);
  if (shell === 'bash') return bashScript(nodes);
  if (shell === 'zsh') return zshScript(nodes);
  throw wrongUse(`"${shell}": expected bash or zsh`);
}

function nodesOf(command: Command, path: readonly string[]): Node[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const options = help.visibleOptions(command);
  const here: Node = {
    path: path.join(' '),
    words: [
      ...commands.map((sub) => ({ word: sub.name(), help: sub.description() })),
      ...options.map((option) => ({ word: wordOf(option), help: option.description })),
    ],
    takesFile: command.registeredArguments.some(isFile) || options.some(isFileOption),
  };
  const inner = commands
    .filter((sub) => sub.name() !== 'help')
    .flatMap((sub) => nodesOf(sub, [...path, sub.name()]));
  return [here, ...inner];
}

const wordOf = ({ long, short }: Option): string => long ?? short ?? '';
const isFile = (argument: Argument): boolean => /^(files?|paths?)$/.test(argument.name());
const isFileOption = ({ flags }: Option): boolean => flags.includes('<file>');

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Words that are no options name the command; the longest name that is known counts. */
const findCommand = `  local path='' word
  for word in "\${words[@]:1:$((cword - 1))}"; do
    case "$word" in
      -*) ;;
      *) [[ -n "\${commands[\${path:+$path }$word]+set}" ]] && path="\${path:+$path }$word" ;;
    esac
  done`;

function bashScript(nodes: readonly Node[]): string {
  const rows = nodes.map(
    ({ path, words }) =>
      `    [${quoted(path || '.')}]=${quoted(words.map(({ word }) => word).join(' '))}`,
  );
  return `# bash completion of gaugeway; made by \`gaugeway completion bash\`.
_gaugeway() {
  local -A commands=(
${rows.join('\n')}
  )
  local -a words=("\${COMP_WORDS[@]}")
  local cword=$COMP_CWORD current="\${COMP_WORDS[COMP_CWORD]}"
${findCommand}
  COMPREPLY=($(compgen -W "\${commands[\${path:-.}]}" -- "$current"))
}
complete -o default -F _gaugeway gaugeway
`;
}

function zshScript(nodes: readonly Node[]): string {
  const described = ({ word, help }: Node['words'][number]): string =>
    quoted(`${word}:${help.replaceAll(':', '\\:')}`);
  const cases = nodes.map(
    ({ path, words, takesFile }) =>
      `    ${quoted(path)}) candidates=(${words.map(described).join(' ')}); files=${takesFile ? '1' : ''} ;;`,
  );
  const known = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return `#compdef gaugeway
# zsh completion of gaugeway; made by \`gaugeway completion zsh\`.
_gaugeway() {
  local -a known candidates
  local path_='' word files=''
  known=(${known.join(' ')})
  for word in "\${words[@]:1:$((CURRENT - 2))}"; do
    [[ "$word" == -* ]] && continue
    (( \${known[(Ie)\${path_:+$path_ }$word]} )) && path_="\${path_:+$path_ }$word"
  done
  case "$path_" in
${cases.join('\n')}
  esac
  _describe -t commands gaugeway candidates
  [[ -n "$files" ]] && _files
}
_gaugeway "$@"
`;
}
