/**
 * takes: nothing of this product.
 * gives: what every room stands on: errors with codes, time, logs, meters, backoff, YAML.
 * never: imports a room, reads the environment outside `config/`.
 * see:   docs/adr/0007-factories-no-container.md
 */
export { backoffMs, sleep, type BackoffOptions } from './backoff.ts';
export { systemClock, type Clock } from './clock.ts';
export { requireDirectory } from './directory.ts';
export { GaugewayError, messageOf, type ErrorCode } from './errors.ts';
export { createLogger, silentLogger, type LogLevel, type Logger } from './log.ts';
export { anchoredPattern } from './pattern.ts';
export {
  createMeters,
  type Counter,
  type Gauge,
  type Histogram,
  type MeterFamily,
  type Meters,
} from './meters.ts';
export {
  parseYaml,
  parseYamlDocuments,
  type ParsedYaml,
  type YamlPath,
  type YamlPosition,
} from './yaml.ts';
export { clientSettings, type ClientSettings } from './config/client.ts';
export { isRunByNpm, searchPath } from './config/env.ts';
export { loadConfig, type Config, type LoadedConfig } from './config/load.ts';
export { configReference, describeConfig } from './config/reference.ts';
export { loadSigningKeys, type KeyFor, type Secrets, type Tier } from './config/secrets.ts';
export { parseBytes, parseDuration } from './config/values.ts';
