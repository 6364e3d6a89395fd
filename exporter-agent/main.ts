import { check, once } from './commands.ts';
import { composeAgent, createParts } from './compose.ts';
import { systemClock } from './clock.ts';
import { loadConfig, printConfig } from './config/load.ts';
import { ConfigError } from './config/schema.ts';
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
  const config = await loadConfig({ env: process.env, file: args.config });
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
  if (args.command === 'run') return run(parts, args);
  const report =
    args.command === 'once' ? { ok: true, text: await once(parts) } : await check(parts);
  process.stdout.write(report.text);
  parts.transport.close();
  return report.ok ? 0 : 1;
}

async function run(parts: Awaited<ReturnType<typeof createParts>>, args: Arguments) {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  if (args.parent !== undefined) watchParent(args.parent, () => stop.abort());
  const unlock = await lock(parts.config.state_dir, parts.log);
  const { agent, close } = composeAgent(parts);
  parts.log.info('agent runs', { host_id: parts.hostId, server: parts.config.url?.origin });
  await agent.run(stop.signal);
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

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`gaugeway-agent: ${messageOf(error)}\n`);
    process.exitCode = error instanceof ConfigError ? 2 : 1;
  },
);
