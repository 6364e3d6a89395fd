import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVictoria } from '../../managed/index.ts';
import { GaugewayError, silentLogger } from '../../platform/index.ts';
import type { TestStorage } from '../../rule-tests/index.ts';
import { createAsk } from '../../ruler/index.ts';
import {
  createSeriesWriter,
  createVictoriaClient,
  createVictoriaReader,
} from '../../storage/victoria/index.ts';
import { createDecodeKernel } from '../../wire/index.ts';

/** Keeps test groups apart; no rule in the world reads it. */
const scopeLabel = '__gaugeway_test__';
/** Tests speak of 1970 on. */
const retention = '100y';
const limits = { timeoutMs: 30_000, maxRows: 1_000_000 };
const maxWriteBytes = 64 * 1024 * 1024;

export interface OwnStorage extends TestStorage {
  stop(): Promise<void>;
}

/** A VictoriaMetrics that lives as long as the tests, in a folder that goes with it. */
export async function startTestStorage(): Promise<OwnStorage> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gaugeway-rules-'));
  const victoria = await startVictoria({
    ...{ name: 'rule tests', dataDir, retention, log: silentLogger },
  });
  const client = createVictoriaClient(victoria.target);
  const writer = createSeriesWriter(client);
  const kernel = createDecodeKernel({
    ...{ maxDecodedBytes: maxWriteBytes, maxSeries: 16, maxKnownSeries: 16 },
  });
  return {
    ask: createAsk(createVictoriaReader(client), limits, scopeLabel),
    async write(scope, request) {
      const answer = await writer.write([[scopeLabel, scope]], kernel.compress(request));
      if (answer.kind !== 'written') throw new GaugewayError('UNAVAILABLE', answer.message);
      await writer.makeVisible();
    },
    async stop() {
      await client.close();
      await victoria.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
