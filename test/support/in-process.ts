import { join } from 'node:path';
import { buildRooms, compose, type Running } from '../../src/app/index.ts';
import { startPostgres } from '../../src/managed/index.ts';
import { createMeters, loadConfig, silentLogger, type Logger } from '../../src/platform/index.ts';
import { migrations } from './access.ts';
import type { Stage, startStorage } from './stage.ts';

type Storage = Awaited<ReturnType<typeof startStorage>>;

export const adminPassword = 'the-password-of-the-first-administrator';

/** The whole product in the test's own process, which sees its meters and its log; it ends with the stage. */
export async function startInProcess(
  stage: Stage,
  storage: Storage,
  { env = {}, log = silentLogger }: { env?: Record<string, string>; log?: Logger } = {},
) {
  const postgres = await startPostgres({
    ...{ dataDir: join(stage.directory(), 'postgres'), log: silentLogger, throwaway: true },
  });
  stage.onEnd(() => postgres.stop());
  const meters = createMeters({ processMetrics: true });
  const environment = {
    GAUGEWAY_LISTEN: '127.0.0.1:0',
    GAUGEWAY_DATA_DIR: stage.directory(),
    GAUGEWAY_DATABASE_URL: postgres.url,
    GAUGEWAY_VICTORIA_RAW_URL: storage.url,
    GAUGEWAY_ADMIN_PASSWORD: adminPassword,
    GAUGEWAY_OBSERVE_INTERVAL: '1s',
    ...storage.env,
    ...env,
  };
  const running: Running = await compose(
    {
      ...{ loaded: loadConfig({ environment }), log, meters, managed: false, version: '0.0.0' },
      ...{ migrationsDir: migrations, progress: () => undefined },
      pdfScript: join(import.meta.dirname, '../../dist/pdf-thread.js'),
      agentFiles: { bundle: 'dist/gaugeway-agent.js', folder: 'exporter-agent/install' },
    },
    buildRooms,
  );
  stage.onEnd(() => running.stop());
  return {
    ...{ url: running.serving.url, meters, running },
    databasePassword: new URL(postgres.url.replace('@/', '@localhost/')).password,
  };
}
