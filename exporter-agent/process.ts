import { noFlags, takeFlag, type Flags } from './config/flags.ts';
import { ConfigError } from './config/schema.ts';

export const usage = `usage: gaugeway-agent [run | check | once | print-config | enroll] [options]

  run           push this host's figures to the server until stopped (the default)
  check         say whether the configuration, the collectors and the server work
  once          print one reading as text; sends nothing
  print-config  print the configuration in force
  enroll        get a host id and a key for this machine with an enrolment token

  --config FILE            YAML file; every option also as GAUGEWAY_AGENT_NAME in the environment
  --exit-with-parent[=PID] end when the process that started this one is gone
  --[no-]collector.NAME    run a collector, or not; also --collector.textfile.directory=DIR
  --path.procfs, --path.sysfs, --path.rootfs=DIR  where the host's are mounted

  Of enroll:
  --url URL                the server; else as configured
  --token-file FILE        holds the token; "-" reads it from standard input
  --token TOKEN            the token itself, which other users may see in the process list
  --ca-file FILE           PEM of the server's own certificate authority; else as configured
`;

const commands = ['run', 'check', 'once', 'print-config', 'enroll', 'help'] as const;

export interface Arguments {
  command: (typeof commands)[number];
  config: string | undefined;
  /** The process to end with. */
  parent: number | undefined;
  flags: Flags;
  enrol: { url?: string; token?: string; tokenFile?: string; caFile?: string };
}

/** Flags of `enroll`, by what they set. */
const enrolFlags = {
  '--url': 'url',
  '--token': 'token',
  '--token-file': 'tokenFile',
  '--ca-file': 'caFile',
} as const;

/** Throws ConfigError. */
export function parseArguments(argv: readonly string[]): Arguments {
  const result: Arguments = {
    command: 'run',
    config: undefined,
    parent: undefined,
    enrol: {},
    flags: noFlags(),
  };
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [flag, value] = splitFlag(word);
    const next = () => value ?? rest.shift() ?? fail(`${flag} wants a value`);
    if (takeFlag(result.flags, flag, next)) continue;
    if (flag === '--config') result.config = next();
    else if (Object.hasOwn(enrolFlags, flag)) {
      result.enrol[enrolFlags[flag as keyof typeof enrolFlags]] = next();
    } else if (flag === '--exit-with-parent') result.parent = toPid(value ?? String(process.ppid));
    else if (flag === '--help' || flag === '-h') result.command = 'help';
    else result.command = commands.find((c) => c === word) ?? fail(`unknown "${word}"\n${usage}`);
  }
  return result;
}

function splitFlag(word: string): [string, string | undefined] {
  const equals = word.indexOf('=');
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function toPid(text: string): number {
  const pid = Number(text);
  return Number.isInteger(pid) && pid > 0 ? pid : fail('--exit-with-parent wants a process id');
}

function fail(message: string): never {
  throw new ConfigError(message);
}

const parentPollMs = 1_000;

/** A process whose parent died gets another one: the only sign that also comes after kill -9. */
export function watchParent(parent: number, onGone: () => void): void {
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, parentPollMs);
  timer.unref();
}
