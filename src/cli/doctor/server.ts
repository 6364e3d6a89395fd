import { CommandError, exitCodes } from '../exit.ts';
import { loginHint } from '../refusal.ts';
import type { Session } from '../session.ts';
import { ago, plain, plural } from '../show/text.ts';
import { look, type Finding, type Seen } from './finding.ts';

type Parts = Readonly<Record<string, string>>;

interface Vector {
  data: { result: { value: [number, string] }[] };
}

interface Agents {
  agents: { host_id: string }[];
  total: number;
}

/** Of every agent, and of what node_exporter's users send. */
const newestSample = 'max(timestamp(cpu_utilization)) or max(timestamp(up))';
const staleAfterS = 90;
const fewNames = 5;

/** How a running server is, as it says itself and as its data show. */
export async function examineServer(session: Session): Promise<Finding[]> {
  const itself = await look('server', 'server', () => parts(session), 'its log says more');
  if (!(await isServing(session))) return [itself];
  const data = await Promise.all([
    look('samples', 'newest sample', () => ifAllowed(samples(session))),
    look('agents', 'agents', () => ifAllowed(agents(session))),
    look('rule_problems', 'rules in force', () => ifAllowed(ruleProblems(session))),
  ]);
  return [itself, ...data];
}

/** Without a credential the rest is still worth looking at. */
async function ifAllowed(seen: Promise<Seen | string>): Promise<Seen | string> {
  try {
    return await seen;
  } catch (error) {
    const isRefused = error instanceof CommandError && error.exitCode === exitCodes.notAllowed;
    if (!isRefused) throw error;
    return { state: 'warning', detail: 'not looked at, for want of a credential', hint: loginHint };
  }
}

async function ruleProblems({ remote }: Session): Promise<Seen | string> {
  const path = '/api/v1/alerts/rules/problems';
  const { total } = await remote.get<{ total: number }>(path);
  if (total === 0) return 'no file has a mistake';
  return {
    state: 'warning',
    detail: `${plural(total, 'mistake')} in rule files`,
    hint: '`gaugeway rules check` shows them at their spot',
  };
}

/** Whether a Gaugeway answers at all. */
export async function isServing({ remote }: Session): Promise<boolean> {
  try {
    const { status } = await remote.get<{ status?: string }>('/health');
    return status === 'ok';
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

async function parts({ remote }: Session): Promise<Seen | string> {
  const { status, ...rest } = await readiness(remote);
  const failed = Object.keys(rest).filter((part) => rest[part] !== 'ok');
  if (status === 'ready') return `${remote.url} is ready (${Object.keys(rest).sort().join(', ')})`;
  return {
    state: 'failed',
    detail: `${remote.url} lacks ${failed.map(plain).join(', ')}`,
    hint: 'docs/operations/faults.md says what each part needs',
  };
}

/** 503 is an answer here, with the parts in its body. */
async function readiness(remote: Session['remote']): Promise<Parts> {
  try {
    return await remote.get<Parts>('/ready');
  } catch (error) {
    const body: unknown = error instanceof CommandError ? error.cause : undefined;
    if (typeof body === 'object' && body !== null && 'status' in body) return body as Parts;
    throw error;
  }
}

async function samples({ remote, nowMs }: Session): Promise<Seen | string> {
  const { data } = await remote.get<Vector>('/api/v1/query', { query: newestSample });
  const [first] = data.result;
  if (!first) {
    return {
      state: 'warning',
      detail: 'none in the last minutes',
      hint: 'does an agent or a Prometheus send? GET /api/v1/ingest/rejections lists what was refused',
    };
  }
  const atMs = Number(first.value[1]) * 1_000;
  const detail = ago(new Date(atMs).toISOString(), nowMs());
  const isStale = nowMs() - atMs > staleAfterS * 1_000;
  return isStale
    ? { state: 'warning', detail, hint: 'do the agents run, and is their clock right?' }
    : detail;
}

async function agents({ remote }: Session): Promise<Seen | string> {
  const path = '/api/v1/agents';
  const [all, silent] = await Promise.all([
    remote.get<Agents>(path, { limit: 1 }),
    remote.get<Agents>(path, { limit: fewNames, status: 'silent' }),
  ]);
  if (silent.total === 0) return `${plural(all.total, 'agent')}, none is silent`;
  const names = silent.agents.map(({ host_id: id }) => plain(id)).join(', ');
  const more = silent.total > fewNames ? ', …' : '';
  return {
    state: 'warning',
    detail: `${String(silent.total)} of ${plural(all.total, 'agent')} silent: ${names}${more}`,
    hint: 'systemctl status gaugeway-agent on those hosts; `gaugeway host remove` for those that are gone',
  };
}
