/**
 * Bundles the agent into one file that needs nothing but Node: dist/gaugeway-agent.js.
 * Run by itself (`node exporter-agent/build.js`) or called by bin/build.js.
 */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url);

/** Parsed at every start on every host; a dependency that slips in shows here. */
export const sizeBudgetBytes = 176 * 1024;

/** Throws when the bundle cannot be made or is above its budget; gives its path and size in bytes. */
export async function buildAgent(outfile = fileURLToPath(new URL('dist/gaugeway-agent.js', root))) {
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  await build({
    entryPoints: [fileURLToPath(new URL('main.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    legalComments: 'eof',
    minify: true,
    logLevel: 'warning',
    define: { GAUGEWAY_AGENT_VERSION: JSON.stringify(version) },
  });
  const bytes = statSync(outfile).size;
  if (bytes > sizeBudgetBytes) {
    throw new Error(`${outfile} has ${bytes} bytes, its budget is ${sizeBudgetBytes}`);
  }
  return { outfile, bytes };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { outfile, bytes } = await buildAgent();
  process.stdout.write(`${outfile}: ${bytes} bytes\n`);
}
