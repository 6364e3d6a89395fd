import { createMiddleware, defaultRegister } from '@promster/express';
import type { Request, RequestHandler } from 'express';
import type { Meters } from '../../platform/index.ts';

/** The PRP's names (§14.1) for promster's two metrics. */
const names = {
  httpRequestsTotal: 'api_requests_total',
  httpRequestDurationInSeconds: 'api_latency_seconds',
};

/** PRP §13 asks for 200 ms, 500 ms and 1 s at its percentiles. */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30];

/**
 * `endpoint` is the route's pattern, never the URL as it came: strangers could otherwise make as many series as they
 * like (field/products-and-libraries B3 #2).
 */
const endpointOf = (request: unknown): string => {
  const { route } = request as Partial<Pick<Request, 'route'>>;
  const { path } = (route ?? {}) as { path?: unknown };
  return typeof path === 'string' ? path : 'unmatched';
};

/** Counts and times every request that Express sees; the write path has meters of its own. */
export function measureRequests(meters: Meters): RequestHandler {
  // promster knows only prom-client's global registry, and fills it with metrics of the process, which ours has.
  defaultRegister.clear();
  const middleware = createMiddleware({
    options: {
      labels: ['endpoint', 'status'],
      getLabelValues: (request, response) => ({
        endpoint: endpointOf(request),
        status: (response as { statusCode: number }).statusCode,
      }),
      normalizePath: (_path, { req }) => endpointOf(req),
      metricNames: { ...names, up: 'gaugeway_http_up' },
      metricBuckets: { httpRequestDurationInSeconds: secondsBuckets },
      detectKubernetes: false,
      disableGcMetrics: true,
    },
  });
  for (const name of Object.values(names)) {
    const metric = defaultRegister.getSingleMetric(name);
    if (metric) meters.registry.registerMetric(metric);
  }
  defaultRegister.clear();
  return middleware as RequestHandler;
}
