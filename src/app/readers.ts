import { anchoredPattern, GaugewayError } from '../platform/index.ts';
import type { ExemplarReader, Matcher, MetadataReader } from '../query/index.ts';
import {
  createExemplarStore,
  createMetadataStore,
  type Postgres,
} from '../storage/postgres/index.ts';

export function metadataReader({ knex }: Postgres): MetadataReader {
  return createMetadataStore(knex);
}

type Predicate = (labels: Readonly<Record<string, string>>) => boolean;

function toPredicate({ name, op, value }: Matcher): Predicate {
  if (op === '=') return (labels) => (labels[name] ?? '') === value;
  if (op === '!=') return (labels) => (labels[name] ?? '') !== value;
  const pattern = anchoredPattern(value);
  if (!pattern) {
    throw new GaugewayError(
      'BAD_REQUEST',
      `exemplars: the pattern ${JSON.stringify(value)} is not one of the supported forms`,
    );
  }
  const matches: Predicate = (labels) => pattern.test(labels[name] ?? '');
  return op === '=~' ? matches : (labels) => !matches(labels);
}

/** Exemplars of the tenant by metric name from Postgres, the other matchers applied here. */
export function exemplarReader({ knex }: Postgres): ExemplarReader {
  const store = createExemplarStore(knex);
  return {
    async select({ tenantId, selectors, startMs, endMs }) {
      const names = selectors.map(
        (matchers) => matchers.find(({ name, op }) => name === '__name__' && op === '=')?.value,
      );
      const metrics = names.filter((name) => name !== undefined);
      // A selector without a name may match any metric.
      const wanted = metrics.length === names.length ? metrics : [];
      const any = selectors.map((matchers) => matchers.map(toPredicate));
      const found = await store.read({ tenantId, metrics: wanted, startMs, endMs });
      return found.filter(({ labels }) => any.some((all) => all.every((one) => one(labels))));
    },
  };
}
