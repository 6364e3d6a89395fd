import type { Labels } from '../../alerts/index.ts';

export const labelsFromJson = (json: Record<string, string>): Labels =>
  new Map(Object.entries(json));

/** `{[name]: number}`, or nothing where the column is null. */
export function optionalNumber<K extends string>(
  name: K,
  text: string | null,
): Partial<Record<K, number>> {
  return text === null ? {} : ({ [name]: Number(text) } as Record<K, number>);
}
