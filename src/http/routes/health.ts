import { z } from 'zod';
import { defaultTenantId } from '../../access/index.ts';
import { GaugewayError, type Meters } from '../../platform/index.ts';
import type { Route, RouteSpec } from '../route.ts';
import { statusAnswer } from '../schemas/common.ts';
import { textAnswer } from '../schemas/foreign.ts';

/** One thing that this process needs; false or a rejection means that it is not there. */
export type Check = () => Promise<boolean>;

interface HealthDeps {
  /** By the names of `/ready`'s answer: `db`, `storage`, `cache`, `journal`. */
  checks: Readonly<Record<string, Check>>;
  meters: Meters;
}

/** Its parts depend on the roles of the process. */
const readyAnswer = z.object({ status: z.literal('ready') }).catchall(z.literal('ok'));
const plain = textAnswer('text/plain', 'Lines of text.');

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
  const row = (
    path: string,
    summary: string,
    answer: RouteSpec['answers'][number],
    handle: Route['handle'],
  ): Route => ({
    method: 'GET',
    path,
    needs: 'public',
    errors: 'envelope',
    budget: 'none',
    summary,
    spec: { tag: 'Health', answers: { 200: answer } },
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
    row('/health', 'liveness', statusAnswer('ok'), health),
    row('/-/healthy', 'liveness as Prometheus says it', plain, text('Gaugeway is Healthy.\n')),
    row('/ready', 'readiness with its parts', readyAnswer, ready),
    row('/-/ready', 'readiness as Prometheus says it', readyAnswer, ready),
    {
      ...row('/metrics', "this process's own metrics", plain, async ({ res, principal }) => {
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
