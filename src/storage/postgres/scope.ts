import { AsyncLocalStorage } from 'node:async_hooks';

interface Scope {
  tenantId: string;
}

/**
 * Whose rows the statements that follow may see. It goes with the work and not with an argument, so that a statement which
 * forgets its tenant has none to see (docs/adr/0018-the-second-wall-in-postgres.md).
 */
const scopes = new AsyncLocalStorage<Scope | undefined>();

/** All statements of the work see and write rows of this tenant alone, whatever they say. */
export function ofTenant<T>(tenantId: string, work: () => PromiseLike<T>): Promise<T> {
  // Awaited inside: knex asks when it is awaited.
  return scopes.run({ tenantId }, async () => await work());
}

export const scopedTenant = (): string | undefined => scopes.getStore()?.tenantId;

type Asked = (...args: never[]) => unknown;
type MethodOf<S> = { [K in keyof S]: S[K] extends Asked ? K : never }[keyof S];

/**
 * The store, whose named methods are for all tenants or find out which one it is: they go on where a request of one tenant
 * causes them. All methods of the store where none is named.
 */
export function acrossTenants<S extends object>(store: S, ...methods: MethodOf<S>[]): S {
  const named = methods.length > 0 ? methods : (Object.keys(store) as MethodOf<S>[]);
  const wrapped = named.map((name) => {
    const method = store[name] as Asked;
    const ask = async (...args: never[]): Promise<unknown> => await method(...args);
    return [name, (...args: never[]) => scopes.run(undefined, () => ask(...args))];
  });
  return { ...store, ...(Object.fromEntries(wrapped) as Partial<S>) };
}
