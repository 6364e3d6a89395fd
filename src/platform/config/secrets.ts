import { hkdfSync, randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { requireDirectory } from '../directory.ts';
import { GaugewayError } from '../errors.ts';
import type { RawConfig } from './schema.ts';

export type Tier = 'raw' | '1m' | '5m';

export interface VictoriaSecrets {
  password?: string | undefined;
  metricsAuthKey?: string | undefined;
  forceFlushAuthKey?: string | undefined;
  deleteAuthKey?: string | undefined;
  snapshotAuthKey?: string | undefined;
}

/** What must not be printed; turning it into text gives `[redacted]`. */
export interface Secrets {
  signingKey?: string | undefined;
  databaseUrl?: string | undefined;
  adminPassword?: string | undefined;
  smtpUrl?: string | undefined;
  s3: { secretAccessKey?: string | undefined };
  victoria: Readonly<Record<Tier, VictoriaSecrets>>;
}

const redacted = (): string => '[redacted]';

export function secretsOf(raw: RawConfig): Secrets {
  const { victoria } = raw;
  const secrets: Secrets = {
    signingKey: raw.signingKey,
    databaseUrl: raw.database.url,
    adminPassword: raw.admin.password,
    smtpUrl: raw.smtp.url,
    s3: seal({ secretAccessKey: raw.reports.s3.secretAccessKey }),
    victoria: {
      raw: keysOf(victoria.raw),
      '1m': keysOf(victoria['1m']),
      '5m': keysOf(victoria['5m']),
    },
  };
  return seal(secrets);
}

function keysOf(tier: RawConfig['victoria']['raw']): VictoriaSecrets {
  const { password, metricsAuthKey, forceFlushAuthKey, deleteAuthKey, snapshotAuthKey } = tier;
  return seal({ password, metricsAuthKey, forceFlushAuthKey, deleteAuthKey, snapshotAuthKey });
}

function seal<T extends object>(values: T): T {
  Object.defineProperty(values, 'toJSON', { value: redacted });
  Object.defineProperty(values, 'toString', { value: redacted });
  Object.defineProperty(values, inspect.custom, { value: redacted });
  return Object.freeze(values);
}

const masterBytes = 32;

/** Derives one key of 32 bytes for each purpose from the one master key of the installation. */
export type KeyFor = (purpose: string) => Buffer;

/**
 * The given master key (base64url), or the one in `DATADIR/signing-key` (0600), made when absent.
 * BAD_REQUEST when it holds fewer than 32 bytes.
 */
export function loadSigningKeys(dataDir: string, given: string | undefined): KeyFor {
  const master = Buffer.from(given ?? readOrMake(dataDir), 'base64url');
  if (master.length < masterBytes) {
    throw new GaugewayError(
      'BAD_REQUEST',
      `The signing key must hold at least ${masterBytes} bytes in base64url, it holds ${master.length}`,
    );
  }
  return (purpose) => Buffer.from(hkdfSync('sha256', master, 'gaugeway', purpose, masterBytes));
}

function readOrMake(dataDir: string): string {
  const file = join(dataDir, 'signing-key');
  requireDirectory(dataDir, 'this server');
  try {
    // Exclusive: of two processes that start at once, one makes it and both read it.
    writeFileSync(file, randomBytes(masterBytes).toString('base64url'), {
      flag: 'wx',
      mode: 0o600,
    });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  chmodSync(file, 0o600);
  return readFileSync(file, 'utf8').trim();
}
