/** `npm run check`: everything that needs no server, in two lanes for two cores; under a minute. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, root } from './setup.js';

ensureInstalled();
const tool = (path) => join(root, 'node_modules', path);
const folders = ['src', 'exporter-agent', 'migrations', 'test'];

const lanes = [
  [
    ['types', tool('typescript/bin/tsc'), '-p', '.'],
    [
      'lint',
      tool('eslint/bin/eslint.js'),
      '--cache',
      '--cache-location',
      '.cache/eslint',
      ...folders,
    ],
  ],
  [
    ['format', tool('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
    ['unused', tool('knip/bin/knip.js')],
    [
      ...['tests', tool('vitest/vitest.mjs'), 'run', '--config', 'test/vitest.config.ts'],
      ...['--project', 'architecture', '--project', 'unit', '--project', 'contract'],
      '--reporter=default',
    ],
  ],
];

function run([name, script, ...args]) {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      env: { ...process.env, NO_COLOR: '1' },
    });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('close', (code) => {
      resolve({ name, ok: code === 0, seconds: (performance.now() - startedMs) / 1000, output });
    });
  });
}

async function runLane(steps) {
  const results = [];
  for (const step of steps) results.push(await run(step));
  return results;
}

const results = (await Promise.all(lanes.map(runLane))).flat();
for (const { ok, name, output } of results) if (!ok) console.log(`\n── ${name} ──\n${output}`);
for (const { ok, name, seconds } of results) {
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s`);
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
