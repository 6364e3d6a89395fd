/** A channel that a tenant gave a name. */
export interface NamedChannel {
  tenantId: string;
  name: string;
  kind: string;
  /** Told of alerts whose rule names no channel, or only the kind. */
  isDefault: boolean;
}

/**
 * A rule's channels as the outbox names them: `kind:ADDRESS` as it is; a name; a bare kind is the tenant's own channels
 * of it; none are all its default ones. What the tenant does not have is left out.
 */
export function resolveChannels(
  names: readonly string[],
  own: readonly NamedChannel[],
): readonly string[] {
  const defaults = own.filter(({ isDefault }) => isDefault);
  if (names.length === 0) return defaults.map(({ name }) => name);
  const found = names.flatMap((name) => {
    if (name.includes(':') || own.some((channel) => channel.name === name)) return [name];
    return defaults.filter(({ kind }) => kind === name).map((channel) => channel.name);
  });
  return [...new Set(found)];
}
