import { join } from 'node:path';
import { connect } from 'node:net';
import { withSchema } from '../../app/index.ts';
import { findPostgres, findVictoria, lacksOf } from '../../managed/index.ts';
import type { LoadedConfig } from '../../platform/index.ts';
import { createVictoriaClient } from '../../storage/victoria/index.ts';
import { plural } from '../show/text.ts';
import { look, type Finding, type Seen } from './finding.ts';

const reachMs = 5_000;

/** What samples, people and messages need beyond this process; asks, and changes nothing. */
export function examineStores(loaded: LoadedConfig, migrationsDir: string): Promise<Finding[]> {
  return Promise.all([
    look(
      'postgres',
      'Postgres',
      () => postgres(loaded, migrationsDir),
      loaded.secrets.databaseUrl === undefined
        ? 'apt-get install postgresql, or set GAUGEWAY_DATABASE_URL'
        : 'look at GAUGEWAY_DATABASE_URL and at whether it runs',
    ),
    look(
      'victoria',
      'VictoriaMetrics',
      () => victoria(loaded, 'raw'),
      'look at GAUGEWAY_VICTORIA_RAW_URL and at whether it runs',
    ),
    // Those that are not named are children, as the first one is, or off.
    ...(['1m', '5m'] as const)
      .filter((tier) => addressOf(loaded, tier) !== undefined)
      .map((tier) =>
        look(
          `victoria_${tier}`,
          `VictoriaMetrics ${tier}`,
          () => victoria(loaded, tier),
          `look at GAUGEWAY_VICTORIA_${tier.toUpperCase()}_URL and at whether it runs`,
        ),
      ),
    look(
      'smtp',
      'mail server',
      () => smtp(loaded.secrets.smtpUrl),
      'look at GAUGEWAY_SMTP_URL; alerts by e-mail wait until it answers',
    ),
  ]);
}

async function postgres(loaded: LoadedConfig, migrationsDir: string): Promise<Seen | string> {
  if (loaded.secrets.databaseUrl === undefined) {
    const { version, bin } = findPostgres(undefined, join(loaded.config.dataDir, 'postgres'));
    return `${version} in ${bin}, run as a child`;
  }
  const { applied, pending, wall } = await withSchema(loaded, migrationsDir, async (schema) => ({
    ...(await schema.state()),
    wall: await schema.wall(),
  }));
  if (pending.length === 0 && wall === 'on') {
    return `answers; ${plural(applied.length, 'migration')} applied; row-level security is on`;
  }
  if (pending.length === 0) {
    return {
      state: 'warning',
      detail: `answers; ${plural(applied.length, 'migration')} applied; without row-level security (${wall})`,
      hint: 'as an administrator of Postgres: CREATE ROLE gaugeway_tenant NOLOGIN; GRANT gaugeway_tenant TO the role in GAUGEWAY_DATABASE_URL',
    };
  }
  return {
    state: applied.length === 0 ? 'ok' : 'warning',
    detail: `answers; ${plural(pending.length, 'migration')} not applied yet`,
    hint: 'the next start applies them, or `gaugeway migrate` now',
  };
}

type Tier = keyof LoadedConfig['config']['victoria'];

function addressOf({ config }: LoadedConfig, tier: Tier): string | undefined {
  const { url, cluster } = config.victoria[tier];
  return url ?? cluster.selectUrl;
}

async function victoria(loaded: LoadedConfig, tier: Tier): Promise<Seen | string> {
  const { url: single, username } = loaded.config.victoria[tier];
  const url = addressOf(loaded, tier);
  if (url === undefined) return managedVictoria();
  const { password } = loaded.secrets.victoria[tier];
  const client = createVictoriaClient({
    baseUrl: url.replace(/\/$/, ''),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  try {
    // Behind its password, as `/health` is not.
    const query = new URLSearchParams({ query: '1' });
    // Every account may be asked for a number, which is nobody's.
    const path = single === undefined ? '/select/0/prometheus/api/v1/query' : '/api/v1/query';
    const asked = { method: 'GET', path, query, timeoutMs: reachMs } as const;
    const { status } = await client.request(asked);
    if (status === 200) return `${url} answers`;
    throw new Error(`${url} answered ${String(status)}`);
  } finally {
    await client.close();
  }
}

function managedVictoria(): Seen | string {
  const binary = findVictoria([]);
  if (!binary) return 'not on PATH; the first start fetches it';
  const lacks = lacksOf(binary);
  const detail = `${binary.version} at ${binary.path}, run as a child`;
  if (lacks.length === 0) return detail;
  return {
    detail: `${detail}; lacks ${lacks.join(', ')}`,
    hint: '`gaugeway victoria install` fetches a newer one',
  };
}

const smtpPorts: Readonly<Record<string, number>> = { 'smtp:': 587, 'smtps:': 465 };

/** That something listens there; nothing is sent. */
async function smtp(url: string | undefined): Promise<Seen | string> {
  if (url === undefined) return 'none: alerts and reports cannot go out by e-mail';
  if (!URL.canParse(url)) throw new Error('GAUGEWAY_SMTP_URL is no URL');
  const { hostname, port: given, protocol } = new URL(url);
  const port = given === '' ? (smtpPorts[protocol] ?? 25) : Number(given);
  await reach(hostname.replace(/^\[|\]$/g, ''), port);
  return `${hostname}:${String(port)} can be reached`;
}

function reach(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.setTimeout(reachMs, () =>
      socket.destroy(new Error(`${host}:${String(port)} is silent`)),
    );
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
