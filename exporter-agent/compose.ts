import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { machine } from 'node:os';
import { join } from 'node:path';
import { createAgent, type Agent } from './agent.ts';
import type { SpoolBuffer, SpoolDropReason } from './buffer/buffer.ts';
import { createDiskBuffer } from './buffer/disk.ts';
import { createMemoryBuffer } from './buffer/memory.ts';
import { systemClock } from './clock.ts';
import { createProcfs } from './collect/procfs/root.ts';
import { createNodeSelfCollector } from './collect/node/self.ts';
import { createHostCollectors, type HostCollectors } from './collect/registry.ts';
import { openSystem } from './collect/system.ts';
import { createSelfCollector, type SelfCollector } from './collect/self.ts';
import { loadRemoteConfig, saveRemoteConfig, type RemoteConfig } from './config/remote.ts';
import type { AgentConfig } from './config/schema.ts';
import { readHost, type Host } from './host.ts';
import { loadHostId } from './identity.ts';
import { messageOf, type Logger } from './log.ts';
import { createBackoff } from './send/backoff.ts';
import { createEncoder } from './send/encode.ts';
import { heartbeatPath, sendHeartbeat, type Heartbeat } from './send/heartbeat.ts';
import { createTransport, type Transport } from './send/https.ts';
import type { SendDropReason } from './send/deliver.ts';
import { createSender, type Sender } from './send/sender.ts';
import { compressBody, writeHeaders, writePath } from './send/write-request.ts';
import { agentVersion } from './version.ts';

const clock = systemClock;
const heartbeatTimeoutMs = 10_000;

/** What changes while the agent runs, told by the self metrics and the heartbeat. */
interface State {
  remote: RemoteConfig | undefined;
  clockOffsetMs: number | undefined;
  lastTrouble: string | null;
  dropped: Map<SendDropReason | SpoolDropReason, number>;
}

/** The parts that the commands share. */
export interface Parts {
  config: AgentConfig;
  host: Host;
  hostId: string;
  transport: Transport;
  collectors: HostCollectors;
  log: Logger;
}

export async function createParts(config: AgentConfig, log: Logger): Promise<Parts> {
  const system = await openSystem(config, () => clock.monotonicMs());
  const hostId = await loadHostId({
    configured: config.host_id,
    stateDir: config.state_dir,
    machineIdFile: join(config.rootfs, 'etc/machine-id'),
  });
  return {
    config,
    host: readHost(config.procfs),
    hostId,
    transport: await createTransport({
      // load.ts lets no configuration without an address through.
      url: config.url!,
      key: config.key,
      userAgent: `gaugeway-agent/${agentVersion}`,
      ca: config.ca_file === undefined ? undefined : readFileSync(config.ca_file, 'utf8'),
    }),
    collectors: createHostCollectors({
      procfs: system.procfs,
      sysfs: createProcfs(config.sysfs),
      profile: system.profile,
      machine: machine(),
      statfs: (mountPoint) => statfs(join(config.rootfs, mountPoint)),
      foreignProc: config.procfs !== '/proc',
      networkFilesystems: config.network_filesystems,
      off: system.collectors_off,
    }),
    log,
  };
}

/** The whole agent, ready to run; `close` after it has run. */
export function composeAgent(parts: Parts): { agent: Agent; close: () => void } {
  const { config, hostId, host, transport, log } = parts;
  const state: State = {
    remote: config.remote_config ? loadRemoteConfig(config.state_dir) : undefined,
    clockOffsetMs: undefined,
    lastTrouble: null,
    dropped: new Map(),
  };
  const countDropped = (reason: SendDropReason | SpoolDropReason, batches = 1) => {
    state.dropped.set(reason, (state.dropped.get(reason) ?? 0) + batches);
    log.warn('batches given up', { reason, batches });
  };
  const spool = openSpool(config, countDropped, log);
  const sender = createSender({
    post: (body, timeoutMs) => transport.post(writePath, body, writeHeaders, timeoutMs),
    spool,
    backoff: createBackoff({ monotonicMs: () => clock.monotonicMs(), random: Math.random }),
    sleep: (ms) => clock.sleep(ms),
    onDrop: (reason) => countDropped(reason),
    onTrouble: (message) => {
      if (message !== state.lastTrouble) log.warn('sending fails', { error: message });
      state.lastTrouble = message;
    },
  });
  const self = createSelf({ state, sender, spool, parts });
  const intervalMs = () => 1000 * (state.remote?.intervalSeconds ?? config.interval_seconds);
  const nodeNames = config.profile !== 'lean';
  const agent = createAgent({
    hostId,
    bootId: host.bootId,
    collectors: [...parts.collectors.list, ...(nodeNames ? [createNodeSelf()] : []), self],
    nodeNames,
    encoder: createEncoder({ host_id: hostId }, { job: 'node', instance: host.hostname }),
    compress: compressBody,
    sender,
    intervalMs,
    beat: () => beat({ state, parts, heartbeat: () => toHeartbeat({ state, spool, self, parts }) }),
    disconnect: () => transport.close(),
    clock,
    log,
  });
  return { agent, close: () => spool.close() };
}

function openSpool(
  config: AgentConfig,
  onDrop: (reason: SpoolDropReason, batches: number) => void,
  log: Logger,
): SpoolBuffer {
  const common = {
    limits: { maxBytes: config.spool_max_bytes, maxAgeMs: config.spool_max_seconds * 1000 },
    nowMs: () => clock.nowMs(),
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

function createSelf(deps: {
  state: State;
  sender: Sender;
  spool: SpoolBuffer;
  parts: Parts;
}): SelfCollector {
  const { state, sender, spool, parts } = deps;
  return createSelfCollector({
    state: () => ({
      version: agentVersion,
      clockOffsetMs: state.clockOffsetMs,
      stuckMounts: parts.collectors.filesystem.stuckMounts(),
      sentBatches: sender.sentBatches(),
      droppedBatches: state.dropped,
      spool: spool.stats(),
    }),
    cost: () => {
      const { user, system } = process.cpuUsage();
      return { rssBytes: process.memoryUsage.rss(), cpuMicros: user + system };
    },
  });
}

function createNodeSelf() {
  const startedSeconds = (clock.nowMs() - process.uptime() * 1000) / 1000;
  return createNodeSelfCollector(() => {
    const { user, system } = process.cpuUsage();
    return {
      version: agentVersion,
      rssBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      startedSeconds,
    };
  });
}

function toHeartbeat(deps: {
  state: State;
  spool: SpoolBuffer;
  self: SelfCollector;
  parts: Parts;
}): Heartbeat {
  const { state, spool, parts } = deps;
  const { bytes, oldestMs } = spool.stats();
  const cost = deps.self.cost();
  return {
    host_id: parts.hostId,
    hostname: parts.host.hostname,
    agent_version: agentVersion,
    boot_id: parts.host.bootId,
    uptime_seconds: parts.host.uptimeSeconds(),
    interval_seconds: state.remote?.intervalSeconds ?? parts.config.interval_seconds,
    config_version: state.remote?.version ?? 0,
    spool: {
      bytes,
      oldest_ts_ms: oldestMs,
      dropped_batches: [...state.dropped.values()].reduce((sum, count) => sum + count, 0),
    },
    last_error: state.lastTrouble,
    clock_offset_ms: state.clockOffsetMs === undefined ? null : Math.round(state.clockOffsetMs),
    ips: parts.host.ips(),
    has_gpu: parts.host.hasGpu,
    self: { rss_bytes: cost.rssBytes, cpu_ratio: cost.cpuRatio },
  };
}

async function beat(deps: {
  state: State;
  parts: Parts;
  heartbeat: () => Heartbeat;
}): Promise<void> {
  const { state, parts } = deps;
  const told = deps.heartbeat();
  const outcome = await postHeartbeat(parts, told);
  if (!outcome.ok) {
    if (outcome.message !== state.lastTrouble) {
      parts.log.warn('heartbeat fails', { error: outcome.message });
    }
    state.lastTrouble = outcome.message;
    return;
  }
  if (state.lastTrouble === told.last_error) state.lastTrouble = null;
  state.clockOffsetMs = outcome.clockOffsetMs ?? state.clockOffsetMs;
  const pushed = outcome.config;
  if (pushed === undefined || !parts.config.remote_config) return;
  if (!pushed.ok) {
    state.lastTrouble = `configuration refused: ${pushed.reason}`;
    parts.log.warn('configuration from the server refused', { reason: pushed.reason });
    return;
  }
  if (pushed.config.version === state.remote?.version) return;
  state.remote = pushed.config;
  const kept = saveRemoteConfig(parts.config.state_dir, pushed.config);
  parts.log.info('configuration from the server applied', { ...pushed.config, kept });
}

/** One heartbeat; also what `gaugeway-agent check` tries the server with. */
function postHeartbeat(parts: Parts, heartbeat: Heartbeat) {
  return sendHeartbeat(heartbeat, {
    post: (body) =>
      parts.transport.post(
        heartbeatPath,
        body,
        { 'content-type': 'application/json' },
        heartbeatTimeoutMs,
      ),
    nowMs: () => clock.nowMs(),
  });
}
