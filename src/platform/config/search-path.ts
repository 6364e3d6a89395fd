/** The directories of `PATH`, in order. Here because only `config/` reads the environment. */
export function searchPath(): string[] {
  // eslint-disable-next-line n/no-process-env -- the one folder that may
  return (process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin').split(':').filter(Boolean);
}
