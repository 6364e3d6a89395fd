import { anchoredPattern, GaugewayError } from '../../platform/index.ts';

/** What `rules/whitelist.yaml` holds: exact names, and patterns anchored at both ends. */
export interface WhitelistDocument {
  version: 1;
  exact?: readonly string[];
  patterns?: readonly string[];
}

/** `reject`: 400 with the partial result. `drop`: 204, counted and listed. `observe`: stored, counted as what would go. */
export type WhitelistMode = 'reject' | 'drop' | 'observe';

/** Which metric names may be stored. */
export interface Whitelist {
  allows(metric: string): boolean;
}

/** Throws BAD_REQUEST with the entry that is wrong. */
export function createWhitelist(
  document: WhitelistDocument,
  alwaysAllowed: Iterable<string> = [],
): Whitelist {
  const exact = new Set([...alwaysAllowed, ...(document.exact ?? [])]);
  const patterns = (document.patterns ?? []).map((source) => {
    const pattern = anchoredPattern(source);
    if (pattern) return pattern;
    throw new GaugewayError(
      'BAD_REQUEST',
      `whitelist pattern ${JSON.stringify(source)} is not one of the supported forms (names, ., .*, .+, [a-z]*, (a|b), at most two of * and +)`,
    );
  });
  return {
    allows: (metric) => exact.has(metric) || patterns.some((pattern) => pattern.test(metric)),
  };
}

/** Judges the parsed YAML of a whitelist file; unknown keys are errors. */
export function toWhitelistDocument(value: unknown): WhitelistDocument {
  const fail = (message: string): never => {
    throw new GaugewayError('BAD_REQUEST', `whitelist: ${message}`);
  };
  if (typeof value !== 'object' || value === null) return fail('a mapping is expected');
  const { version, exact, patterns, ...unknown } = value as Record<string, unknown>;
  const extra = Object.keys(unknown)[0];
  if (extra !== undefined) return fail(`unknown key ${JSON.stringify(extra)}`);
  if (version !== 1) return fail('version must be 1');
  const names = (list: unknown, key: string): string[] => {
    if (list === undefined || list === null) return [];
    if (!Array.isArray(list) || list.some((one) => typeof one !== 'string')) {
      return fail(`${key} must be a list of strings`);
    }
    return list as string[];
  };
  return { version: 1, exact: names(exact, 'exact'), patterns: names(patterns, 'patterns') };
}
