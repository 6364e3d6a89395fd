const mostKnown = 1_000;

/**
 * The same name gives the same digits on every host, so that a fleet can still be compared. It hides a name from who
 * reads a dashboard, not from who can guess it and hash the guess.
 */
export function createMasker(): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    let masked = known.get(name);
    if (masked === undefined) {
      // Loaded only where names are masked: the memory budget.
      const { createHash } = process.getBuiltinModule('node:crypto');
      masked = createHash('sha256').update(name).digest('hex').slice(0, 8);
      if (known.size === mostKnown) known.clear();
      known.set(name, masked);
    }
    return masked;
  };
}
