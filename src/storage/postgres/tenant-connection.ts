import { scopedTenant } from './scope.ts';

/** Sees and writes rows of the tenant in `gaugeway.tenant` alone; owns nothing (second-wall.ts). */
export const tenantRole = 'gaugeway_tenant';

type Done = (error: Error | null, result?: unknown) => void;
type Query = (config: unknown, done?: Done) => unknown;

/** pg's connection, as far as knex uses it. */
export interface Connection {
  query: Query;
}

/**
 * Statements of work that is done for one tenant (`ofTenant`) are run by the role of tenants. Role and tenant are set for
 * one transaction only: a pooler in front of Postgres may give the next one to somebody else.
 */
export function boundByTenant(connection: Connection, isOn: () => boolean): void {
  const query: Query = connection.query.bind(connection);
  /** Of the transaction that is open: whose rows it sees; undefined: none is open. */
  let open: { tenantId: string | undefined } | undefined;
  const wanted = (): string | undefined => (isOn() ? scopedTenant() : undefined);

  const enter = (tenantId: string | undefined): string =>
    tenantId === undefined
      ? 'SET LOCAL ROLE NONE'
      : `SET LOCAL ROLE ${tenantRole}; SET LOCAL gaugeway.tenant = ${literal(tenantId)}`;

  function begin(config: unknown, done: Done): unknown {
    const tenantId = wanted();
    open = { tenantId };
    // In one message: knex waits for the answer of each.
    const opened =
      tenantId === undefined ? config : textOf(config)!.replace(/;?\s*$/, '; ') + enter(tenantId);
    return query(opened, (error, result) => {
      if (!error) {
        done(null, Array.isArray(result) ? result[0] : result);
        return;
      }
      // knex sends no ROLLBACK for a transaction that did not begin: its connection would stay in one that is aborted.
      open = undefined;
      query('ROLLBACK', () => done(error));
    });
  }

  function within(config: unknown, done: Done, transaction: NonNullable<typeof open>): unknown {
    const tenantId = wanted();
    if (tenantId === transaction.tenantId) return query(config, done);
    return query(enter(tenantId), (error) => {
      transaction.tenantId = error ? undefined : tenantId;
      if (error) done(error);
      else query(config, done);
    });
  }

  function alone(config: unknown, done: Done, tenantId: string): unknown {
    return query(`BEGIN; ${enter(tenantId)}`, (error) => {
      if (error) return query('ROLLBACK', () => done(error));
      return query(config, (failed, result) => {
        if (failed) return query('ROLLBACK', () => done(failed));
        return query('COMMIT', (uncommitted) => done(uncommitted, result));
      });
    });
  }

  connection.query = (config, done) => {
    const text = textOf(config);
    if (!done || text === undefined) return query(config, done);
    if (/^\s*begin\b/i.test(text)) return begin(config, done);
    const transaction = open;
    if (transaction) {
      if (/^\s*(?:commit|rollback\s*(?:;|$))/i.test(text)) {
        open = undefined;
        return query(config, done);
      }
      return within(config, done, transaction);
    }
    const tenantId = wanted();
    return tenantId === undefined ? query(config, done) : alone(config, done, tenantId);
  };
}

function textOf(config: unknown): string | undefined {
  if (typeof config === 'string') return config;
  const { text } = (config ?? {}) as { text?: unknown };
  return typeof text === 'string' ? text : undefined;
}

/** A string constant without escapes (`standard_conforming_strings` is on since 9.1); NUL cannot be sent at all. */
const literal = (text: string): string => `'${text.replaceAll("'", "''").replaceAll('\0', '')}'`;
