/** Makes `dist/`: the server as one file, its migrations beside it, the agent as one file. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const common = { platform: 'node', format: 'esm', target: 'node20.19', logLevel: 'warning' };

export async function build() {
  mkdirSync(dist, { recursive: true });
  rmSync(join(dist, 'migrations'), { recursive: true, force: true });
  const migrations = join(root, 'migrations');
  const migrationFiles = existsSync(migrations)
    ? readdirSync(migrations).filter((name) => name.endsWith('.ts'))
    : [];
  await Promise.all([
    esbuild.build({
      ...common,
      entryPoints: [join(root, 'src', 'main.ts')],
      outfile: join(dist, 'gaugeway.js'),
      bundle: true,
      packages: 'external',
    }),
    esbuild.build({
      ...common,
      entryPoints: [join(root, 'src', 'reports', 'pdf-thread.ts')],
      outfile: join(dist, 'pdf-thread.js'),
      bundle: true,
      packages: 'external',
    }),
    esbuild.build({
      ...common,
      entryPoints: migrationFiles.map((name) => join(migrations, name)),
      outdir: join(dist, 'migrations'),
    }),
    buildAgent(),
  ]);
  await esbuild.stop();
}

async function buildAgent() {
  const script = new URL('../exporter-agent/build.js', import.meta.url);
  if (!existsSync(script)) return;
  const agent = await import(script.href);
  await agent.buildAgent();
  // What the server hands to hosts beside the bundle.
  rmSync(join(dist, 'install'), { recursive: true, force: true });
  cpSync(join(root, 'exporter-agent', 'install'), join(dist, 'install'), { recursive: true });
}

if (argv[1] === fileURLToPath(import.meta.url)) await build();
