import type { Knex } from 'knex';

/** `[child, parent]` by name. */
type Reference = readonly [string, string];

/**
 * Not among a tenant's data: the record of its deletion, the counters by which processes hear of changes, which are
 * needed until all have heard of the end, and where to look whether anything came late.
 */
const notData: readonly string[] = ['tenant_deletions', 'changes', 'storage_accounts'];

/** Asked of the catalog, so that no migration can forget a table. */
export async function tablesOfTenants(
  knex: Knex,
): Promise<{ tables: string[]; references: Reference[] }> {
  const found = await knex.raw<{ rows: { name: string }[] }>(
    `select c.relname as name from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
     order by 1`,
  );
  const references = await knex.raw<{ rows: { child: string; parent: string }[] }>(
    `select child.relname as child, parent.relname as parent from pg_constraint f
     join pg_class child on child.oid = f.conrelid join pg_class parent on parent.oid = f.confrelid
     where f.contype = 'f' and child.relnamespace = current_schema()::regnamespace`,
  );
  return {
    tables: found.rows.map(({ name }) => name).filter((name) => !notData.includes(name)),
    references: references.rows.map(({ child, parent }) => [child, parent] as const),
  };
}

/** Those that refer to others come before them: a cascade would remove rows that nobody counts. */
export function childrenFirst(
  tables: readonly string[],
  references: readonly Reference[],
): string[] {
  const ordered: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (ordered.includes(name) || path.includes(name)) return;
    for (const [child, parent] of references) {
      if (parent === name && tables.includes(child)) visit(child, [...path, name]);
    }
    ordered.push(name);
  };
  for (const name of tables) visit(name, []);
  return ordered;
}
