import { readFileSync, statSync } from 'node:fs';
import { metricNames } from '../catalog/index.ts';
import {
  createWhitelist,
  toWhitelistDocument,
  type Whitelist,
  type WhitelistDocument,
} from '../ingest/index.ts';
import { messageOf, parseYaml, type Logger } from '../platform/index.ts';
import type { WhitelistOverrideStore } from '../storage/postgres/index.ts';

/** The whitelist file with each tenant's additions; both may change while the process runs. */
export interface Whitelists {
  of(tenantId: string): Whitelist;
  /** Looks whether the file changed; a bad one is reported and the last good one stays. True when rules changed. */
  reload(): boolean;
  /** Fetches a tenant's additions anew. */
  refresh(tenantId: string): Promise<void>;
  /** Fetches every tenant's additions. */
  load(): Promise<void>;
}

interface Deps {
  file: string;
  overrides: WhitelistOverrideStore;
  log: Logger;
}

/** Throws BAD_REQUEST where the file is missing or wrong: a start without a whitelist would refuse everything. */
export function createWhitelists({ file, overrides, log }: Deps): Whitelists {
  let document = readDocument(file);
  let changedAtMs = statSync(file).mtimeMs;
  let built = new Map<string, Whitelist>();
  const additions = new Map<string, { exact: string[]; patterns: string[] }>();

  const build = (tenantId: string): Whitelist => {
    const { exact = [], patterns = [] } = additions.get(tenantId) ?? {};
    const whole: WhitelistDocument = {
      version: 1,
      exact: [...(document.exact ?? []), ...exact],
      patterns: [...(document.patterns ?? []), ...patterns],
    };
    return createWhitelist(whole, metricNames);
  };

  return {
    of(tenantId) {
      const whitelist = built.get(tenantId) ?? build(tenantId);
      built.set(tenantId, whitelist);
      return whitelist;
    },
    reload() {
      try {
        const { mtimeMs } = statSync(file);
        if (mtimeMs === changedAtMs) return false;
        changedAtMs = mtimeMs;
        document = readDocument(file);
      } catch (error) {
        log.error('whitelist not reloaded, the last good one stays', { error: messageOf(error) });
        return false;
      }
      built = new Map();
      log.info('whitelist reloaded', { file });
      return true;
    },
    async refresh(tenantId) {
      additions.set(tenantId, await overrides.of(tenantId));
      built.delete(tenantId);
    },
    async load() {
      for (const [tenantId, rows] of await overrides.all()) additions.set(tenantId, rows);
      built = new Map();
    },
  };
}

function readDocument(file: string): WhitelistDocument {
  const { value } = parseYaml(readFileSync(file, 'utf8'), file);
  const document = toWhitelistDocument(value);
  createWhitelist(document);
  return document;
}
