import { check, once } from './commands.ts';
import { composeAgent, createParts, type Parts } from './compose.ts';
import { systemClock } from './clock.ts';
import { loadConfig, printConfig } from './config/load.ts';
import { ConfigError } from './config/schema.ts';
import { isLoopback, parseListenAddress } from './listen/address.ts';
import { startListener, type Listener } from './listen/server.ts';
import { lockStateDirectory } from './lock.ts';
import { createLogger, messageOf, type Logger } from './log.ts';
import { parseArguments, usage, watchParent, type Arguments } from './process.ts';

/** Exit codes: 0 as asked, 1 the command found a fault, 2 used or configured wrongly. */
async function main(): Promise<number> {
  const args = parseArguments(process.argv.slice(2));
  if (args.command === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  // The agent may not import the server's platform; this is its only reader of the environment.
  // eslint-disable-next-line n/no-process-env
  const env = { ...process.env, ...given(args) };
  const config = await loadConfig({ env, file: args.config, flags: args.flags });
  if (args.command === 'print-config') {
    process.stdout.write(printConfig(config));
    return 0;
  }
  const log = createLogger({
    level: config.log_level,
    nowMs: () => systemClock.nowMs(),
    write: (line) => process.stderr.write(line),
  });
  const parts = await createParts(config, log);
  if (args.command === 'enroll') return runEnrol(parts, args);
  if (args.command === 'run') return run(parts, args);
  const report =
    args.command === 'once' ? { ok: true, text: await once(parts) } : await check(parts);
  process.stdout.write(report.text);
  parts.transport.close();
  return report.ok ? 0 : 1;
}

/** Flags stand over the environment. */
function given({ enrol: { url, caFile } }: Arguments): Record<string, string> {
  return {
    ...(url === undefined ? {} : { GAUGEWAY_AGENT_URL: url }),
    ...(caFile === undefined ? {} : { GAUGEWAY_AGENT_CA_FILE: caFile }),
  };
}

async function runEnrol(parts: Parts, args: Arguments): Promise<number> {
  const { enrol, readToken } = await import('./enrol.ts');
  const report = await enrol({ ...parts, token: () => readToken(args.enrol) });
  (report.ok ? process.stdout : process.stderr).write(report.text);
  parts.transport.close();
  return report.ok ? 0 : 1;
}

async function run(parts: Parts, args: Arguments) {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  if (args.parent !== undefined) watchParent(args.parent, () => stop.abort());
  const unlock = await lock(parts.config.state_dir, parts.log);
  const listener = await openListener(parts);
  const { agent, close } = composeAgent(parts, listener?.show);
  parts.log.info('agent runs', { host_id: parts.hostId, server: parts.config.url?.origin });
  await agent.run(stop.signal);
  listener?.close();
  close();
  unlock();
  parts.log.info('agent ended');
  return 0;
}

/** A directory that cannot be written holds no buffer either: nothing to keep others from. */
async function lock(stateDir: string, log: Logger): Promise<() => void> {
  try {
    const sleep = (ms: number) => systemClock.sleep(ms);
    return await lockStateDirectory(stateDir, { pid: process.pid, procRoot: '/proc', sleep });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    log.warn('state directory cannot be locked', { state_dir: stateDir, error: messageOf(error) });
    return () => undefined;
  }
}

/** Rejects where the port is taken: two exporters on one host are easily overlooked. */
async function openListener({ config, log }: Parts): Promise<Listener | undefined> {
  const address = config.listen === undefined ? undefined : parseListenAddress(config.listen);
  if (address === undefined) return undefined;
  const listener = await startListener(address);
  const fields = { address: config.listen, port: listener.port };
  if (isLoopback(address.host)) log.info('listens for scrapes', fields);
  else log.warn('listens for scrapes; who reaches the port can read the figures', fields);
  return listener;
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`gaugeway-agent: ${messageOf(error)}\n`);
    process.exitCode = error instanceof ConfigError ? 2 : 1;
  },
);
