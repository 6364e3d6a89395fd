/**
 * `npm test`: the set-up that `npm start` does, the peers, then every suite except load. The last line says
 * `N passed, N failed`. Words after it go to vitest: `npm test -- --project unit`.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePeers } from './peers.js';
import { root, setUp, SetupError } from './setup.js';

const results = join(root, '.cache', 'test-results.json');

function runSuites(words) {
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(results, { force: true });
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const { status, signal } = spawnSync(
    process.execPath,
    [
      ...[vitest, 'run', '--config', 'test/vitest.config.ts'],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${results}`],
      ...words,
    ],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  return signal === null && status === 0;
}

/** A file that could not even be read has no tests and still failed. */
function countResults() {
  const report = JSON.parse(readFileSync(results, 'utf8'));
  const broken = report.testResults.filter(
    (file) =>
      file.status === 'failed' && file.assertionResults.every((one) => one.status !== 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + (report.numTodoTests ?? 0),
  };
}

try {
  await setUp();
  ensurePeers();
  const succeeded = runSuites(process.argv.slice(2));
  const { passed, failed, skipped } = countResults();
  const isGood = succeeded && failed === 0 && passed > 0;
  process.exitCode = isGood ? 0 : 1;
  const unnamed = !isGood && failed === 0 ? 1 : 0;
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  console.log(`${passed} passed, ${failed + unnamed} failed${tail}`);
} catch (error) {
  console.error(error instanceof SetupError ? `npm test: ${error.message}` : error);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
