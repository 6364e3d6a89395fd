/** `npm run bench [suite …]`: figures beside peers, never a timed test. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePeers } from './peers.js';
import { root, setUp } from './setup.js';

await setUp();
ensurePeers();
const { build } = await import('esbuild');
const outfile = join(root, '.cache', 'bench.js');
mkdirSync(join(root, '.cache'), { recursive: true });
await build({
  entryPoints: [join(root, 'test', 'bench', 'main.ts')],
  ...{ outfile, bundle: true, packages: 'external', platform: 'node', format: 'esm' },
});
const { status } = spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
