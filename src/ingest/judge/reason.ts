/**
 * Every reason for which something posted is not stored. The words are public API: metric label, log field,
 * answer text and ledger column are the same word. Order matters: a series' reason is kept as a number in the
 * kernel's table, so new ones go to the end.
 */
export const reasons = [
  'missing_name',
  'invalid_utf8',
  'invalid_label',
  'duplicate_label',
  'too_many_labels',
  'label_name_too_long',
  'label_value_too_long',
  'not_whitelisted',
  'foreign_host',
  'series_budget',
  'no_samples',
  'mixed_samples_histograms',
  'too_old',
  'too_new',
  'histogram_schema',
  'histogram_spans',
  'histogram_count_mismatch',
  'histogram_negative_count',
  'histogram_custom_bounds',
  'exemplar_invalid',
  'exemplar_labels_too_long',
  'exemplar_store_full',
  'metadata_invalid',
  'unknown_metric',
  'invalid_value',
  'invalid_timestamp',
  'undecodable',
  'too_large',
  'too_many_series',
  'unsupported_media',
  'rate_budget',
  'overloaded',
  'storage_refused',
  'metric_names_budget',
] as const;

export type Reason = (typeof reasons)[number];

/** How many of what were refused, by reason. */
export type RefusedCounts = Map<Reason, number>;

export function addRefused(counts: RefusedCounts, reason: Reason, by: number): void {
  if (by > 0) counts.set(reason, (counts.get(reason) ?? 0) + by);
}
