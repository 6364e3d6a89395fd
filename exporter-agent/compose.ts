import { statfs } from 'node:fs/promises';
import { machine } from 'node:os';
import { join } from 'node:path';
import { createAgent, type Agent } from './agent.ts';
import { systemClock } from './clock.ts';
import type { Point } from './collect/run.ts';
import { createProcfs } from './collect/procfs/root.ts';
import { createToolFinder } from './collect/gpu/tool.ts';
import { createNodeSelfCollector } from './collect/node/self.ts';
import { createHostCollectors, type HostCollectors } from './collect/registry.ts';
import { openSystem } from './collect/system.ts';
import { openTextfiles } from './collect/textfile-directory.ts';
import { createRunning, shareCalls, type Running } from './collect/running.ts';
import type { Profile } from './collect/node/metric.ts';
import { createSelfCollector, type SelfCollector } from './collect/self.ts';
import type { AgentConfig } from './config/schema.ts';
import { createControl, type Control } from './control.ts';
import { loadCredential, type Credential } from './credential.ts';
import { createDelivery, openTransport, type Delivery } from './delivery.ts';
import { readHost, type Host } from './host.ts';
import { loadHostId } from './identity.ts';
import type { Logger } from './log.ts';
import { clockTrouble } from './send/clock-trouble.ts';
import { createEncoder, type Encoder } from './send/encode.ts';
import type { Heartbeat } from './send/heartbeat.ts';
import type { Transport } from './send/https.ts';
import { metadataOf } from './send/metadata.ts';
import { Compressor } from './send/snappy.ts';
import { createTrouble, type Trouble } from './trouble.ts';
import { agentVersion } from './version.ts';

const clock = systemClock;

/** The parts that the commands share. */
export interface Parts {
  config: AgentConfig;
  host: Host;
  hostId: string;
  credential: Credential;
  transport: Transport;
  collectors: HostCollectors;
  /** The same for another profile. */
  buildCollectors: (profile: Profile) => HostCollectors;
  log: Logger;
}

export async function createParts(config: AgentConfig, log: Logger): Promise<Parts> {
  const system = await openSystem(config, () => clock.monotonicMs());
  const statfsOnce = shareCalls((mountPoint) => statfs(join(config.rootfs, mountPoint)));
  const findGpuTool = createToolFinder({ mode: config.gpu, path: config.nvidia_smi });
  const buildCollectors = (profile: Profile) =>
    createHostCollectors({
      ...{ procfs: system.procfs, machine: machine() },
      profile: system.profileFor(profile),
      sysfs: createProcfs(config.sysfs),
      root: createProcfs(config.rootfs),
      statfs: statfsOnce,
      foreignProc: config.procfs !== '/proc',
      networkFilesystems: config.network_filesystems,
      cpuMicros,
      gpu: { find: findGpuTool, monotonicMs: () => clock.monotonicMs() },
      on: config.collectors_on,
      off: system.off,
      textfiles: openTextfiles(config.textfile_dir),
    });
  const credential = loadCredential(config.key, config.state_dir);
  const hostId = await loadHostId({
    configured: config.host_id,
    stateDir: config.state_dir,
    machineIdFile: join(config.rootfs, 'etc/machine-id'),
  });
  return {
    config,
    host: readHost(config.procfs),
    hostId,
    credential,
    transport: await openTransport(config, {
      key: credential.key,
      userAgent: `gaugeway-agent/${agentVersion}`,
    }),
    collectors: buildCollectors(config.profile),
    buildCollectors,
    log,
  };
}

/** The whole agent, ready to run; `close` after it has run. */
export function composeAgent(
  parts: Parts,
  onTick?: (points: readonly Point[]) => void,
): { agent: Agent; close: () => void } {
  const { config, hostId, host, transport, log } = parts;
  const trouble = createTrouble(log);
  const delivery = createDelivery({
    ...{ config, clock, log },
    transport: { post: (...request) => control.mind(() => transport.post(...request)) },
    onTrouble: (message) => trouble.met('sending fails', message),
  });
  const self: SelfCollector = createSelf({
    delivery,
    stuckMounts: () => running.stuckMounts(),
    clockOffsetMs: () => control.clockOffsetMs(),
  });
  const running: Running = createRunning({
    first: parts.collectors,
    profile: config.profile,
    build: parts.buildCollectors,
    remote: () => control.remote(),
    own: (nodeNames) => [...(nodeNames ? [createNodeSelf()] : []), self],
  });
  const control: Control = createControl({
    ...{ hostId, stateDir: config.state_dir, takesConfig: config.remote_config },
    ...{ credential: parts.credential, transport, clock, random: Math.random, log },
    heartbeat: () => toHeartbeat({ trouble, control, running, delivery, self, parts }),
    onConfig: running.choose,
    onTrouble: (message) => trouble.met('heartbeat fails', message),
    // A wrong clock is told for as long as it is wrong.
    onTold: (message) => {
      if (message !== clockTrouble(control.clockOffsetMs())) trouble.told(message);
    },
  });
  running.choose(control.remote());
  const intervalMs = () => 1000 * (control.remote()?.intervalSeconds ?? config.interval_seconds);
  const agent = createAgent({
    hostId,
    bootId: host.bootId,
    collectors: running.list,
    nodeNames: running.nodeNames,
    encoder: createHostEncoder(parts),
    ...{ sender: delivery.sender, intervalMs, clock, log },
    beat: async () => {
      await control.beat();
      const clockWrong = clockTrouble(control.clockOffsetMs());
      if (clockWrong !== undefined) trouble.met('clock is wrong', clockWrong);
    },
    ...(onTick === undefined ? {} : { onTick }),
    disconnect: () => transport.close(),
  });
  const close = () => {
    running.stop();
    delivery.spool.close();
  };
  return { agent, close };
}

function createHostEncoder({ config, hostId, host }: Parts): Encoder {
  const compressor = new Compressor();
  return createEncoder({
    labels: { host_id: hostId },
    nodeLabels: { job: 'node', instance: host.hostname },
    maxSeries: config.max_series_per_request,
    metadataOf,
    compress: (body) => compressor.compress(body),
  });
}

function createSelf(deps: {
  delivery: Delivery;
  stuckMounts: () => number;
  clockOffsetMs: () => number | undefined;
}): SelfCollector {
  const { delivery } = deps;
  return createSelfCollector({
    state: () => ({
      version: agentVersion,
      clockOffsetMs: deps.clockOffsetMs(),
      stuckMounts: deps.stuckMounts(),
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
  trouble: Trouble;
  control: Control;
  running: Running;
  delivery: Delivery;
  self: SelfCollector;
  parts: Parts;
}): Heartbeat {
  const { trouble, control, delivery, parts } = deps;
  const { bytes, oldestMs } = delivery.spool.stats();
  const cost = deps.self.cost();
  const remote = control.remote();
  const offsetMs = control.clockOffsetMs();
  return {
    host_id: parts.hostId,
    hostname: parts.host.hostname,
    agent_version: agentVersion,
    boot_id: parts.host.bootId,
    uptime_seconds: parts.host.uptimeSeconds(),
    interval_seconds: remote?.intervalSeconds ?? parts.config.interval_seconds,
    profile: remote?.profile ?? parts.config.profile,
    config_version: remote?.version ?? 0,
    config_error: control.configError(),
    key_source: control.credential().source,
    spool: {
      bytes,
      oldest_ts_ms: oldestMs,
      dropped_batches: [...delivery.dropped.values()].reduce((sum, count) => sum + count, 0),
    },
    last_error: trouble.last(),
    clock_offset_ms: offsetMs === undefined ? null : Math.round(offsetMs),
    ips: parts.host.ips(),
    has_gpu: parts.host.hasGpu,
    self: { rss_bytes: cost.rssBytes, cpu_ratio: cost.cpuRatio },
    top_processes: deps.running.topProcesses(),
  };
}
