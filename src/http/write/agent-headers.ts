/** The version of the configuration that the host's agent shall run with, on every answer to a host's key. */
export const configHeader = 'X-Agent-Config';

/** A key that the agent shall use from now on, on the answer to a heartbeat; never logged. */
export const nextKeyHeader = 'X-Agent-Next-Key';
