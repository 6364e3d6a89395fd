import { statfs } from 'node:fs/promises';
import { machine } from 'node:os';
import { join } from 'node:path';
import { createAgent, type Agent } from './agent.ts';
import { systemClock } from './clock.ts';
import { createProcfs } from './collect/procfs/root.ts';
import { createNodeSelfCollector } from './collect/node/self.ts';
import { createHostCollectors, type HostCollectors } from './collect/registry.ts';
import { createSelfCollector, type SelfCollector } from './collect/self.ts';
import { loadRemoteConfig, saveRemoteConfig, type RemoteConfig } from './config/remote.ts';
import type { AgentConfig } from './config/schema.ts';
import { createDelivery, openTransport, type Delivery } from './delivery.ts';
import { readHost, type Host } from './host.ts';
import { loadHostId } from './identity.ts';
import type { Logger } from './log.ts';
import { clockTrouble } from './send/clock-trouble.ts';
import { createEncoder } from './send/encode.ts';
import { heartbeatPath, sendHeartbeat, type Heartbeat } from './send/heartbeat.ts';
import type { Transport } from './send/https.ts';
import { metadataOf } from './send/metadata.ts';
import { Compressor } from './send/snappy.ts';
import { agentVersion } from './version.ts';

const clock = systemClock;
const heartbeatTimeoutMs = 10_000;

/** What changes while the agent runs, told by the self metrics and the heartbeat. */
interface State {
  remote: RemoteConfig | undefined;
  clockOffsetMs: number | undefined;
  lastTrouble: string | null;
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
  const procfs = createProcfs(config.procfs);
  const hostId = await loadHostId({
    configured: config.host_id,
    stateDir: config.state_dir,
    machineIdFile: join(config.rootfs, 'etc/machine-id'),
  });
  return {
    config,
    host: readHost(config.procfs),
    hostId,
    transport: await openTransport(config, `gaugeway-agent/${agentVersion}`),
    collectors: createHostCollectors({
      procfs,
      sysfs: createProcfs(config.sysfs),
      profile: config.profile,
      machine: machine(),
      statfs: (mountPoint) => statfs(join(config.rootfs, mountPoint)),
      foreignProc: config.procfs !== '/proc',
      networkFilesystems: config.network_filesystems,
      cpuMicros,
      off: config.collectors_off,
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
  };
  const delivery = createDelivery({
    ...{ config, transport, clock, log },
    onTrouble: (message) => {
      if (message !== state.lastTrouble) log.warn('sending fails', { error: message });
      state.lastTrouble = message;
    },
  });
  const self = createSelf({ state, delivery, parts });
  const compressor = new Compressor();
  const intervalMs = () => 1000 * (state.remote?.intervalSeconds ?? config.interval_seconds);
  const nodeNames = config.profile !== 'lean';
  parts.collectors.processes.follow(() => ({
    topN: state.remote?.topN ?? 10,
    mask: state.remote?.maskProcessNames ?? false,
  }));
  const agent = createAgent({
    hostId,
    bootId: host.bootId,
    collectors: [...parts.collectors.list, ...(nodeNames ? [createNodeSelf()] : []), self],
    nodeNames,
    encoder: createEncoder({
      labels: { host_id: hostId },
      nodeLabels: { job: 'node', instance: host.hostname },
      maxSeries: config.max_series_per_request,
      metadataOf,
      compress: (body) => compressor.compress(body),
    }),
    sender: delivery.sender,
    intervalMs,
    beat: () =>
      beat({ state, parts, heartbeat: () => toHeartbeat({ state, delivery, self, parts }) }),
    disconnect: () => transport.close(),
    clock,
    log,
  });
  return { agent, close: () => delivery.spool.close() };
}

function createSelf(deps: { state: State; delivery: Delivery; parts: Parts }): SelfCollector {
  const { state, delivery, parts } = deps;
  return createSelfCollector({
    state: () => ({
      version: agentVersion,
      clockOffsetMs: state.clockOffsetMs,
      stuckMounts: parts.collectors.filesystem.stuckMounts(),
      sentBatches: delivery.sender.sentBatches(),
      unwrittenSamples: delivery.unwrittenSamples(),
      droppedBatches: delivery.dropped,
      spool: delivery.spool.stats(),
    }),
    cost: () => ({ rssBytes: process.memoryUsage.rss(), cpuMicros: cpuMicros() }),
  });
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function createNodeSelf() {
  const startedSeconds = (clock.nowMs() - process.uptime() * 1000) / 1000;
  return createNodeSelfCollector(() => {
    return {
      version: agentVersion,
      rssBytes: process.memoryUsage.rss(),
      cpuSeconds: cpuMicros() / 1e6,
      startedSeconds,
    };
  });
}

function toHeartbeat(deps: {
  state: State;
  delivery: Delivery;
  self: SelfCollector;
  parts: Parts;
}): Heartbeat {
  const { state, delivery, parts } = deps;
  const { bytes, oldestMs } = delivery.spool.stats();
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
      dropped_batches: [...delivery.dropped.values()].reduce((sum, count) => sum + count, 0),
    },
    last_error: state.lastTrouble,
    clock_offset_ms: state.clockOffsetMs === undefined ? null : Math.round(state.clockOffsetMs),
    ips: parts.host.ips(),
    has_gpu: parts.host.hasGpu,
    self: { rss_bytes: cost.rssBytes, cpu_ratio: cost.cpuRatio },
    top_processes: parts.collectors.processes.snapshot() ?? null,
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
  const clockWrong = clockTrouble(state.clockOffsetMs);
  if (clockWrong !== undefined) {
    if (clockWrong !== told.last_error) parts.log.warn('clock is wrong', { error: clockWrong });
    state.lastTrouble = clockWrong;
  }
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
