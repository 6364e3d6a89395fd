import { readFileSync } from 'node:fs';
import { identifyProcess, isAlive, type ProcessId } from '../managed/index.ts';

/**
 * `npm start` runs npm, then perhaps a shell, then us. When one of them is killed we would go on
 * without anybody knowing; the kernel's parent-death signal tells of the direct parent only.
 */
export function watchNpm(onDeath: () => void): { close(): void } {
  const watched = npmAncestors(process.ppid);
  const timer = setInterval(() => {
    if (watched.every(isAlive)) return;
    clearInterval(timer);
    onDeath();
  }, 250);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

/** Our shells and npm itself, nearest first; the terminal's own shell above npm is not ours to watch. */
function npmAncestors(from: number): ProcessId[] {
  const chain: ProcessId[] = [];
  for (let pid = from; pid > 1 && chain.length < 4; pid = parentOf(pid)) {
    const id = identifyProcess(pid);
    if (!id) break;
    chain.push(id);
    if (/^npm[ \0]|npm-cli\.js|\/npm\0/.test(commandLineOf(pid))) return chain;
  }
  return [];
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
