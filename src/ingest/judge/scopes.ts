import type { Sender } from '../sender.ts';
import type { JudgeRules } from './judge.ts';

/** One set of rules under which verdicts of series are remembered. */
export interface Scope {
  id: number;
  tenantId: string;
  /** Where the rules came from; another generation makes another scope. */
  generation: number;
  rules: JudgeRules;
}

/** Numbers the combinations of tenant, bound host and whitelist mode that are in use. */
export interface Scopes {
  scopeOf(sender: Sender): Scope;
  byId(id: number): Scope | undefined;
  /** Rules changed: every verdict is judged anew on the series' next sight. */
  renew(): void;
  /** Whether the scope belongs to the rules in force. */
  isCurrent(id: number): boolean;
  ofTenant(tenantId: string): Iterable<Scope>;
}

export function createScopes(rulesFor: (sender: Sender) => JudgeRules): Scopes {
  let generation = 1;
  let nextId = 1;
  let byKey = new Map<string, Scope>();
  let byId = new Map<number, Scope>();
  return {
    scopeOf(sender) {
      const key = `${sender.tenantId}\0${sender.hostId ?? ''}\0${sender.whitelistMode}`;
      const found = byKey.get(key);
      if (found) return found;
      const scope: Scope = {
        id: nextId,
        tenantId: sender.tenantId,
        generation,
        rules: rulesFor(sender),
      };
      nextId += 1;
      byKey.set(key, scope);
      byId.set(scope.id, scope);
      return scope;
    },
    byId: (id) => byId.get(id),
    renew() {
      generation += 1;
      byKey = new Map();
      byId = new Map();
    },
    isCurrent: (id) => byId.has(id),
    *ofTenant(tenantId) {
      for (const scope of byKey.values()) if (scope.tenantId === tenantId) yield scope;
    },
  };
}
