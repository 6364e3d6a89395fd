import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Request, type Response } from 'express';
import { prometheusRoutes } from '../../src/http/routes/prometheus.ts';
import { createMeters, silentLogger } from '../../src/platform/index.ts';
import {
  createQuery,
  type ExemplarSeries,
  type MetadataEntry,
  type ReadTier,
  type SeriesReader,
} from '../../src/query/index.ts';
import { createVictoriaClient, type VictoriaTarget } from '../../src/storage/victoria/client.ts';
import { createVictoriaReader } from '../../src/storage/victoria/reader.ts';

const day = 86_400_000;

export interface PrometheusApi {
  url: string;
  stop: () => Promise<void>;
}

/**
 * The Prometheus routes on a server of their own. The tenant is the password of HTTP Basic, so that one server
 * speaks for all tenants of a test; the product's authentication has its own tests.
 */
export async function startPrometheusApi(options: {
  /** A VictoriaMetrics by its URL, or a target of any kind. */
  victoriaUrl: string | VictoriaTarget;
  metadata?: Readonly<Record<string, readonly MetadataEntry[]>>;
  exemplars?: Readonly<Record<string, readonly ExemplarSeries[]>>;
  /** Those of aggregates, finest first. */
  tiers?: readonly ReadTier[];
  /** How long samples are kept as they came; a week where it is not said. */
  keptMs?: number;
  wrapReader?: (reader: SeriesReader) => SeriesReader;
}): Promise<PrometheusApi> {
  const { victoriaUrl } = options;
  const target = typeof victoriaUrl === 'string' ? { baseUrl: victoriaUrl } : victoriaUrl;
  const client = createVictoriaClient(target);
  const reader = createVictoriaReader(client);
  const retentionMs = (): number => options.keptMs ?? 7 * day;
  const query = createQuery({
    tiers: [
      {
        ...{ name: 'raw', stepMs: 0, keptMs: retentionMs, filledUntilMs: () => Infinity },
        reader: options.wrapReader?.(reader) ?? reader,
      },
      ...(options.tiers ?? []),
    ],
    meters: createMeters(),
    metadata: {
      list: (tenantId, { metric }) =>
        Promise.resolve(
          (options.metadata?.[tenantId] ?? []).filter(
            (entry) => metric === undefined || entry.metric === metric,
          ),
        ),
    },
    exemplars: { select: ({ tenantId }) => options.exemplars?.[tenantId] ?? [] },
  });
  const none = (): Promise<object[]> => Promise.resolve([]);
  const routes = prometheusRoutes({
    query,
    retentionMs,
    version: '0.0.0',
    startedMs: Date.now(),
    views: {
      ruleGroups: () => Promise.resolve({ groups: [] }),
      ...{ alerts: none, targets: none },
    },
  });
  const app = express();
  for (const { method, path, handle } of routes) {
    const verb = method.toLowerCase() as 'get' | 'post';
    app[verb](path, (req: Request, res: Response) =>
      handle({ req, res, principal: principalOf(req), requestId: 'test', log: silentLogger }),
    );
  }
  app.use(answerError);
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await client.close();
    },
  };
}

const answerError: ErrorRequestHandler = (
  error: { code?: string; status?: number; message?: string },
  _req,
  res,
  // Express knows an error handler by its four parameters.
  next,
) => {
  const status = error.status ?? (error.code === 'BAD_REQUEST' ? 400 : 500);
  res.status(status).json({ status: 'error', errorType: 'bad_data', error: error.message ?? '' });
  if (res.destroyed) next();
};

function principalOf(req: Request) {
  const [, credentials = ''] = (req.headers.authorization ?? '').split(' ');
  const tenantId = Buffer.from(credentials, 'base64').toString().split(':')[1] ?? '';
  return tenantId === ''
    ? undefined
    : { kind: 'key' as const, id: 'k', name: 'test', tenantId, scopes: ['read' as const] };
}

/** `Authorization` for a tenant of the test server. */
export function asTenant(tenantId: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`any:${tenantId}`).toString('base64')}` };
}
