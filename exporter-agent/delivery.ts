import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SpoolBuffer, SpoolDropReason } from './buffer/buffer.ts';
import { createDiskBuffer } from './buffer/disk.ts';
import { createMemoryBuffer } from './buffer/memory.ts';
import type { Clock } from './clock.ts';
import { ConfigError, type AgentConfig } from './config/schema.ts';
import { messageOf, type Logger } from './log.ts';
import { createBackoff } from './send/backoff.ts';
import type { SendDropReason } from './send/deliver.ts';
import { createTransport, type Transport } from './send/https.ts';
import { createRemoteWrite, writePath } from './send/remote-write.ts';
import { createSender, type Sender } from './send/sender.ts';

/** The way of a batch from the encoder to the server, and what became of those that did not arrive. */
export interface Delivery {
  sender: Sender;
  spool: SpoolBuffer;
  /** Batches given up so far. */
  dropped: ReadonlyMap<SendDropReason | SpoolDropReason, number>;
  /** Samples of acknowledged batches that the server said it did not write. */
  unwrittenSamples(): number;
}

export interface DeliveryDeps {
  config: AgentConfig;
  transport: Pick<Transport, 'post'>;
  clock: Clock;
  log: Logger;
  /** What the server, the network or the disk said; for the heartbeat. Logged by who takes it. */
  onTrouble: (message: string) => void;
}

export function createDelivery(deps: DeliveryDeps): Delivery {
  const { config, transport, clock, log } = deps;
  const dropped = new Map<SendDropReason | SpoolDropReason, number>();
  let unwritten = 0;
  const countDropped = (reason: SendDropReason | SpoolDropReason, batches = 1) => {
    dropped.set(reason, (dropped.get(reason) ?? 0) + batches);
    log.warn('batches given up', { reason, batches });
  };
  const spool = openSpool(deps, countDropped);
  const sender = createSender({
    post: createRemoteWrite({
      mode: config.remote_write,
      post: (body, headers, timeoutMs) => transport.post(writePath, body, headers, timeoutMs),
      monotonicMs: () => clock.monotonicMs(),
      onFallback: (message) => log.info('receiver takes remote write 1.0 only', { message }),
      onUnwritten: (samples, message) => {
        unwritten += samples;
        deps.onTrouble(message);
      },
    }),
    spool,
    backoff: createBackoff({ monotonicMs: () => clock.monotonicMs(), random: Math.random }),
    sleep: (ms) => clock.sleep(ms),
    onDrop: (reason) => countDropped(reason),
    onTrouble: deps.onTrouble,
  });
  return { sender, spool, dropped, unwrittenSamples: () => unwritten };
}

function openSpool(
  { config, clock, log }: DeliveryDeps,
  onDrop: (reason: SpoolDropReason, batches: number) => void,
): SpoolBuffer {
  const common = {
    limits: { maxBytes: config.spool_max_bytes, maxAgeMs: config.spool_max_seconds * 1000 },
    clock,
    onDrop,
  };
  try {
    return createDiskBuffer({
      ...common,
      directory: join(config.state_dir, 'spool'),
      onDiskState: (error) => {
        if (error === undefined) log.info('buffer is on disk again');
        else log.error('buffer goes on in memory', { error: messageOf(error) });
      },
    });
  } catch (error) {
    log.warn('state directory cannot be used: the buffer is in memory', {
      state_dir: config.state_dir,
      error: messageOf(error),
    });
    return createMemoryBuffer(common);
  }
}

/** The connection that the configuration asks for. Throws ConfigError when one of its files cannot be read. */
export function openTransport(
  config: AgentConfig,
  { key, userAgent }: { key: string | undefined; userAgent: string },
): Promise<Transport> {
  const { client_cert_file: certFile, client_key_file: keyFile } = config;
  return createTransport({
    // load.ts lets no configuration without an address through.
    url: config.url!,
    key,
    userAgent,
    ca: config.ca_file === undefined ? undefined : readPem('ca_file', config.ca_file),
    clientCertificate:
      certFile === undefined || keyFile === undefined
        ? undefined
        : { cert: readPem('client_cert_file', certFile), key: readPem('client_key_file', keyFile) },
    serverName: config.tls_server_name,
    proxy: config.proxy_url,
  });
}

function readPem(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${option}: ${messageOf(error)}`);
  }
}
