import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createToolStarter, findTool } from '../../../exporter-agent/collect/gpu/tool.ts';
import { buildAgent } from '../../../exporter-agent/build.js';
import { launch, Stage, startSink, until } from '../../support/stage.ts';

const uuid = 'GPU-6f1c9a52-0b1d-4f0e-8c55-3d2f6a7b9e01';
const card = `0, ${uuid}, NVIDIA A100-SXM4-80GB, 97, 71234, 81920, 61, 388.42`;

/** Prints what the tool would, and leaves the number of each of its processes in a file. */
const replay = `
case "$3" in
  *query-gpu*) while :; do echo '${card}'; sleep 1; done ;;
  *) while :; do [ -e "$here/program" ] && echo '${uuid}, '"$(cat "$here/program")"', 2048'; sleep 1; done ;;
esac`;

const built = new Stage();
let stage: Stage;
let agent: string;

beforeAll(async () => {
  const directory = built.directory();
  ({ outfile: agent } = await buildAgent(join(directory, 'gaugeway-agent.mjs')));
});

afterEach(() => stage.end());

afterAll(() => built.end());

function makeTool(body: string): { directory: string; path: string; pids: () => number[] } {
  stage = new Stage();
  const directory = stage.directory();
  const path = join(directory, 'nvidia-smi');
  writeFileSync(path, `#!/bin/sh\nhere='${directory}'\n: > "$here/$$.pid"\n${body}\n`);
  chmodSync(path, 0o755);
  const pids = () =>
    readdirSync(directory)
      .filter((name) => name.endsWith('.pid'))
      .map((name) => Number.parseInt(name, 10));
  return { directory, path, pids };
}

const lives = (pid: number) => {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
};

function options(tool: { directory: string; path: string }, url = 'http://127.0.0.1:9') {
  return {
    GAUGEWAY_AGENT_URL: url,
    GAUGEWAY_AGENT_KEY: 'not-for-children',
    GAUGEWAY_AGENT_STATE_DIR: tool.directory,
    GAUGEWAY_AGENT_GPU: 'on',
    GAUGEWAY_AGENT_NVIDIA_SMI: tool.path,
    GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
  };
}

function startTool(path: string) {
  const lines: string[] = [];
  const told = { lines, ended: 0 };
  const running = createToolStarter(path)(['-l', '1', '--query-gpu=x'], {
    line: (text) => lines.push(text),
    end: () => (told.ended += 1),
  });
  stage.onEnd(() => running.stop());
  return { told, running };
}

describe('the tool', () => {
  it('is heard line by line, and ended with all of its processes', async () => {
    const tool = makeTool(replay);
    const { told, running } = startTool(tool.path);
    await until('two readings came', () => Promise.resolve(told.lines.length >= 2));
    expect(new Set(told.lines)).toEqual(new Set([card]));
    running.stop();
    await until('it is gone', () => Promise.resolve(!tool.pids().some(lives)));
    expect(told.ended).toBe(0);
  });

  it('is ended also when it hangs and takes no signal', async () => {
    const tool = makeTool("trap '' TERM INT HUP PIPE; while :; do sleep 1; done");
    const { running } = startTool(tool.path);
    await until('it runs', () => Promise.resolve(tool.pids().some(lives)));
    running.stop();
    await until('it is gone', () => Promise.resolve(!tool.pids().some(lives)));
  });

  it.each([
    ['dies', 'echo one; exit 3'],
    ['is killed', 'echo one; kill -9 $$'],
  ])('that %s says so once', async (_, body) => {
    const { told } = startTool(makeTool(body).path);
    await until('the end is told', () => Promise.resolve(told.ended > 0));
    expect(told).toEqual({ lines: ['one'], ended: 1 });
  });

  it('that is not there says so once', async () => {
    const { told } = startTool(`${makeTool('').path}-missing`);
    await until('the end is told', () => Promise.resolve(told.ended > 0));
    expect(told).toEqual({ lines: [], ended: 1 });
  });

  it('that prints without end of line or sense fills no memory', async () => {
    const body =
      'i=0; while [ $i -lt 200 ]; do printf "%10000d" 7; i=$((i+1)); done; echo; echo ok';
    const { told } = startTool(makeTool(body).path);
    await until('the end is told', () => Promise.resolve(told.ended > 0));
    expect(told.lines.at(-1)).toBe('ok');
    expect(told.lines.length).toBe(2);
  });

  it('is found where it is named, with `auto` only beside a driver', () => {
    const { path } = makeTool(replay);
    expect(findTool({ mode: 'on', path })).toBe(path);
    expect(findTool({ mode: 'off', path })).toBeUndefined();
    expect(findTool({ mode: 'on', path: `${path}-missing` })).toBeUndefined();
    const hasDriver = existsSync('/dev/nvidiactl') || existsSync('/dev/dxg');
    expect(findTool({ mode: 'auto', path })).toBe(hasDriver ? path : undefined);
  });
});

describe('the agent with a card', () => {
  it('tells it, its programs and their memory, and leaves nothing running', async () => {
    const tool = makeTool(replay);
    writeFileSync(join(tool.directory, 'program'), String(process.pid));
    const { stdout } = spawnSync(process.execPath, [agent, 'once'], {
      env: { ...process.env, ...options(tool) },
      encoding: 'utf8',
    });
    expect(stdout).toContain(
      `gpu_utilization{gpu="0",uuid="${uuid}",model="NVIDIA A100-SXM4-80GB"} 97\n`,
    );
    expect(stdout).toMatch(new RegExp(`gpu_process_pid\\{.*\\} ${process.pid}\n`));
    await until('the tool is gone', () => Promise.resolve(!tool.pids().some(lives)));
  });

  it('keeps its key from the tool', async () => {
    const tool = makeTool('env > "$here/environment"; exit 1');
    const run = await launch(stage, undefined, process.execPath, [agent, 'run'], options(tool));
    const file = join(tool.directory, 'environment');
    await until('the tool ran', () => Promise.resolve(existsSync(file)));
    expect(readFileSync(file, 'utf8')).not.toContain('not-for-children');
    expect(run.child.exitCode).toBe(null);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'takes the tool along when it ends by %s, also while no program computes',
    async (signal) => {
      const tool = makeTool(replay);
      const url = await startSink(stage);
      const run = await launch(
        stage,
        undefined,
        process.execPath,
        [agent, 'run'],
        options(tool, url),
      );
      await until('both run', () => Promise.resolve(tool.pids().filter(lives).length === 2));
      run.child.kill(signal);
      await until('nothing of it is left', () =>
        Promise.resolve(!lives(run.pid) && !tool.pids().some(lives)),
      );
    },
  );
});
