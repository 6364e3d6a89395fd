import { defaultTenantId } from '../../access/index.ts';
import { GaugewayError, type Meters } from '../../platform/index.ts';
import { principalOf } from '../parse.ts';
import type { Call, Route } from '../route.ts';

export type PartState = 'ok' | 'failed';

/** One part that must work for requests to be answered: `db`, `storage`, `cache`, `journal`. */
export interface ReadyCheck {
  part: string;
  /** Rejects where the part does not work. */
  check: () => Promise<void>;
}

export interface HealthDeps {
  checks: readonly ReadyCheck[];
  meters: Meters;
  /** True where only this machine can connect: then metrics need no credential. */
  isLoopback: boolean;
}

const checkTimeoutMs = 3_000;

/** PRP §14.3, and Prometheus's names for the same. Public, and without any detail that helps a stranger. */
export function healthRoutes({ checks, meters, isLoopback }: HealthDeps): Route[] {
  const row = { method: 'GET', needs: 'public', errors: 'envelope' } as const;
  const alive = (call: Call): void => {
    call.res.set('Cache-Control', 'no-store').json({ status: 'ok' });
  };
  const ready = async (call: Call): Promise<void> => {
    const parts = await Promise.all(checks.map((one) => stateOf(one, call)));
    const isReady = parts.every(([, state]) => state === 'ok');
    call.res
      .status(isReady ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status: isReady ? 'ready' : 'not_ready', ...Object.fromEntries(parts) });
  };
  return [
    { ...row, path: '/health', summary: 'Whether the process lives', handle: alive },
    { ...row, path: '/-/healthy', summary: 'The same, as Prometheus calls it', handle: alive },
    { ...row, path: '/ready', summary: 'Whether requests can be answered', handle: ready },
    { ...row, path: '/-/ready', summary: 'The same, as Prometheus calls it', handle: ready },
    {
      ...{ ...row, path: '/metrics', needs: isLoopback ? 'public' : 'read' },
      summary: 'Metrics of this process',
      async handle(call) {
        refuseStrangers(call, isLoopback);
        call.res.set('Content-Type', meters.contentType).end(await meters.text());
      },
    },
  ];
}

async function stateOf({ part, check }: ReadyCheck, call: Call): Promise<[string, PartState]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), checkTimeoutMs);
  });
  try {
    await Promise.race([check(), late]);
    return [part, 'ok'];
  } catch (error) {
    call.log.debug('not ready', { part, error: String(error) });
    return [part, 'failed'];
  } finally {
    clearTimeout(timer);
  }
}

/** The figures of this process are about all tenants: for the installation's own people, or for this machine. */
function refuseStrangers(call: Call, isLoopback: boolean): void {
  if (!isLoopback) {
    if (principalOf(call).tenantId === defaultTenantId) return;
    throw new GaugewayError('FORBIDDEN', `Only the tenant ${defaultTenantId} reads these metrics`);
  }
  // A proxy on this machine connects from loopback for people who are elsewhere.
  if (call.req.get('x-forwarded-for') === undefined && call.req.get('forwarded') === undefined) {
    return;
  }
  throw new GaugewayError('FORBIDDEN', 'Metrics are not served through a proxy');
}
