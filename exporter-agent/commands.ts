import { accessSync, constants, mkdirSync } from 'node:fs';
import { systemClock } from './clock.ts';
import type { Tick } from './collect/collector.ts';
import { runCollectors, type Point } from './collect/run.ts';
import type { Parts } from './compose.ts';
import { messageOf } from './log.ts';
import { toExposition } from './listen/exposition.ts';
import { describe } from './send/answer.ts';
import { emptyWrite } from './send/remote-write.ts';

const betweenReadsMs = 1_000;
/** nvidia-smi may take ten seconds to tell the first figure. */
const mostGpuWaitMs = 15_000;

/** Reads twice, a second apart, so that there are rates. */
async function readTwice(
  parts: Parts,
  onFailure: (collector: string, error: unknown) => void,
): Promise<Point[]> {
  const read = (): Point[] => {
    const tick: Tick = {
      wallMs: systemClock.nowMs(),
      monotonicMs: systemClock.monotonicMs(),
      intervalMs: betweenReadsMs,
      bootId: parts.host.bootId,
    };
    return runCollectors(parts.collectors.list, tick, {
      monotonicMs: () => systemClock.monotonicMs(),
      onFailure,
      nodeNames: parts.config.profile !== 'lean',
    });
  };
  read();
  await systemClock.sleep(betweenReadsMs);
  const { gpu } = parts.collectors;
  for (let waitedMs = 0; gpu.isStarting() && waitedMs < mostGpuWaitMs; waitedMs += 200) {
    await systemClock.sleep(200);
  }
  const points = read();
  gpu.stop();
  return points;
}

/** `once`: everything this host tells, as exposition text; nothing is sent. */
export async function once(parts: Parts): Promise<string> {
  const points = await readTwice(parts, (collector, error) =>
    parts.log.warn('collector fails', { collector, error: messageOf(error) }),
  );
  return toExposition(points);
}

/** `check`: what works and what does not, a line each; `ok` when an agent would run. */
export async function check(parts: Parts): Promise<{ ok: boolean; text: string }> {
  const failed = new Map<string, unknown>();
  await readTwice(parts, (collector, error) => failed.set(collector, error));
  const collectors = parts.collectors.list.map(({ name }) =>
    toVerdict(`collector ${name}`, failed.has(name) ? messageOf(failed.get(name)) : undefined),
  );
  const state = toVerdict(`state_dir ${parts.config.state_dir}`, whyNotWritable(parts));
  const server = toVerdict(`server ${parts.config.url?.origin ?? ''}`, await whyNotSent(parts));
  const lines = [`host_id ${parts.hostId}`, ...collectors, state, server];
  const ok = server.startsWith('ok') && state.startsWith('ok');
  return { ok, text: `${lines.join('\n')}\n` };
}

function toVerdict(what: string, problem: string | undefined): string {
  return problem === undefined ? `ok    ${what}` : `FAILS ${what}: ${problem}`;
}

function whyNotWritable(parts: Parts): string | undefined {
  try {
    mkdirSync(parts.config.state_dir, { recursive: true, mode: 0o700 });
    accessSync(parts.config.state_dir, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** A write without series: it goes through the whole door and leaves nothing behind. */
async function whyNotSent(parts: Parts): Promise<string | undefined> {
  const { path, body, headers } = emptyWrite;
  const answer = await parts.transport.post(path, body, headers, 10_000);
  const isOk = answer.kind === 'answered' && answer.status >= 200 && answer.status < 300;
  return isOk ? undefined : describe(answer);
}
