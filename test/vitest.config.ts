import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));
const minute = 60_000;

/** Each kind of test is a project; `test/README.md` says which kind answers which question. */
const project = (name: string, timeoutMs: number, globalSetup: string[] = []) => ({
  test: {
    name,
    root,
    globalSetup,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    teardownTimeout: minute,
  },
});

export default defineConfig({
  root,
  test: {
    maxWorkers: 2,
    projects: [
      project('architecture', minute),
      project('unit', minute / 2),
      project('contract', minute / 2),
      project('integration', 2 * minute),
      project('compat', 3 * minute, ['test/setup/peers.js']),
      project('e2e', 5 * minute),
      project('security', 3 * minute),
    ],
  },
});
