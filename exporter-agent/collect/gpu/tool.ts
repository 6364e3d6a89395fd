import type { ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

/** A tool that runs and prints until it is stopped. */
export interface RunningTool {
  stop(): void;
}

export interface ToolEvents {
  line(text: string): void;
  /** It is gone, or never came; after `stop` nothing is told any more. */
  end(): void;
}

export type StartTool = (args: readonly string[], events: ToolEvents) => RunningTool;

/** Where drivers, containers, WSL and NixOS put it; not PATH, which is another program's to set. */
const usualPlaces = [
  '/usr/bin/nvidia-smi',
  '/usr/local/bin/nvidia-smi',
  '/usr/local/nvidia/bin/nvidia-smi',
  '/usr/lib/wsl/lib/nvidia-smi',
  '/run/current-system/sw/bin/nvidia-smi',
];

const devices = ['/dev/nvidiactl', '/dev/dxg'];

export const gpuModes = ['auto', 'on', 'off'] as const;
export type GpuMode = (typeof gpuModes)[number];

export interface ToolChoice {
  mode: GpuMode;
  /** Path of nvidia-smi; undefined looks in the usual places. */
  path: string | undefined;
}

/** The tool to run; with `auto` only where a driver has made its device as well. */
export function findTool({ mode, path }: ToolChoice): string | undefined {
  if (mode === 'off' || (mode === 'auto' && !devices.some((device) => is(device, constants.F_OK))))
    return undefined;
  return (path === undefined ? usualPlaces : [path]).find((place) => is(place, constants.X_OK));
}

function is(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/**
 * The tool writes nothing while no program computes, so a broken pipe would not end it when the agent is killed: the
 * shell waits on its standard input, which the kernel closes with the agent, and takes the tool along. It gives its
 * own standard output away, so that the end of it is the end of the tool.
 */
const guard = `trap '' HUP INT TERM; "$@" & exec >&-; read -r _; kill -9 "$!"`;

/** Nothing of the agent's own environment, which may hold its key. */
const environment = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  // Where containers on Kubernetes have the driver's libraries.
  LD_LIBRARY_PATH: '/usr/local/nvidia/lib64',
};

const longestLine = 4_096;

export function createToolStarter(path: string): StartTool {
  return (args, events) => {
    // Loaded only where there is a GPU: the memory budget.
    const { spawn } = process.getBuiltinModule('node:child_process');
    const child = spawn('/bin/sh', ['-c', guard, 'sh', path, ...args], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: environment,
      cwd: '/',
    });
    return follow(child, events);
  };
}

/** Asked at each look: a driver may be loaded after the agent was. */
export function createToolFinder(choice: ToolChoice): () => StartTool | undefined {
  return () => {
    const path = findTool(choice);
    return path === undefined ? undefined : createToolStarter(path);
  };
}

function follow(child: ChildProcess, events: ToolEvents): RunningTool {
  let rest = '';
  let isOver = false;
  const release = (): void => {
    isOver = true;
    child.stdin?.destroy();
    child.stdout?.destroy();
    child.unref();
  };
  const end = (): void => {
    if (isOver) return;
    release();
    events.end();
  };
  child.on('error', end);
  child.stdin?.on('error', end);
  child.stdout?.on('error', end);
  child.stdout?.on('end', end);
  child.stdout?.setEncoding('latin1').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(0, longestLine);
    for (const line of lines) if (!isOver && line !== '') events.line(line);
  });
  return { stop: release };
}
