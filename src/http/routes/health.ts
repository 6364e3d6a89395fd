import { defaultTenantId } from '../../access/index.ts';
import { GaugewayError, type Meters } from '../../platform/index.ts';
import type { Route } from '../route.ts';

/** One thing that this process needs; false or a rejection means that it is not there. */
export type Check = () => Promise<boolean>;

interface HealthDeps {
  /** By the names of `/ready`'s answer: `db`, `storage`, `cache`, `journal`. */
  checks: Readonly<Record<string, Check>>;
  meters: Meters;
}

const checkTimeoutMs = 2_000;

async function judge(check: Check): Promise<'ok' | 'fail'> {
  const late = new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), checkTimeoutMs).unref();
  });
  try {
    return (await Promise.race([check(), late])) ? 'ok' : 'fail';
  } catch {
    return 'fail';
  }
}

/** `/health` says that the process runs, `/ready` that it can do its work (PRP §14.3). */
export function healthRoutes({ checks, meters }: HealthDeps): Route[] {
  const row = (path: string, summary: string, handle: Route['handle']): Route => ({
    method: 'GET',
    path,
    needs: 'public',
    errors: 'envelope',
    budget: 'none',
    summary,
    handle,
  });
  const ready: Route['handle'] = async ({ res }) => {
    const names = Object.keys(checks);
    const verdicts = await Promise.all(Object.values(checks).map(judge));
    const parts = Object.fromEntries(names.map((name, i) => [name, verdicts[i]]));
    const isReady = verdicts.every((verdict) => verdict === 'ok');
    res.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'not_ready', ...parts });
  };
  const health: Route['handle'] = ({ res }) => void res.json({ status: 'ok' });
  const text = (words: string): Route['handle'] => {
    return ({ res }) => void res.type('text/plain').send(words);
  };
  return [
    row('/health', 'liveness', health),
    row('/-/healthy', 'liveness as Prometheus says it', text('Gaugeway is Healthy.\n')),
    row('/ready', 'readiness with its parts', ready),
    row('/-/ready', 'readiness as Prometheus says it', ready),
    {
      ...row('/metrics', "this process's own metrics", async ({ res, principal }) => {
        // They are about all tenants.
        if (principal?.tenantId !== defaultTenantId) {
          throw new GaugewayError('FORBIDDEN', `Only the tenant ${defaultTenantId} reads these`);
        }
        res.type(meters.contentType).send(await meters.text());
      }),
      needs: 'read',
    },
  ];
}
