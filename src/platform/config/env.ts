/** The only reader of the environment: everything else gets its values from the configuration. */
export function readEnvironment(): Readonly<Record<string, string | undefined>> {
  // eslint-disable-next-line n/no-process-env -- this is the one place
  return process.env;
}

/** The directories of `PATH`, in order. */
export function searchPath(): string[] {
  return (readEnvironment()['PATH'] ?? '/usr/local/bin:/usr/bin:/bin').split(':').filter(Boolean);
}

/** True under `npm start` and `npm run …`. */
export function isRunByNpm(): boolean {
  return readEnvironment()['npm_lifecycle_event'] !== undefined;
}
