import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { machine } from 'node:os';
import { join } from 'node:path';
import { createAgent, type Agent } from './agent.ts';
import type { SpoolBuffer, SpoolDropReason } from './buffer/buffer.ts';
import { createDiskBuffer } from './buffer/disk.ts';
import { createMemoryBuffer } from './buffer/memory.ts';
import { systemClock } from './clock.ts';
import type { Point } from './collect/run.ts';
import { createProcfs } from './collect/procfs/root.ts';
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
import { readHost, type Host } from './host.ts';
import { loadHostId } from './identity.ts';
import { messageOf, type Logger } from './log.ts';
import { createBackoff } from './send/backoff.ts';
import { createEncoder } from './send/encode.ts';
import type { Heartbeat } from './send/heartbeat.ts';
import { createTransport, type Transport } from './send/https.ts';
import type { SendDropReason } from './send/deliver.ts';
import { createSender, type Sender } from './send/sender.ts';
import { compressBody, writeHeaders, writePath } from './send/write-request.ts';
import { createTrouble, type Trouble } from './trouble.ts';
import { agentVersion } from './version.ts';

const clock = systemClock;

/** What changes while the agent runs, told by the self metrics and the heartbeat. */
interface State {
  trouble: Trouble;
  dropped: Map<SendDropReason | SpoolDropReason, number>;
}

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
    transport: await createTransport({
      // load.ts lets no configuration without an address through.
      url: config.url!,
      key: credential.key,
      userAgent: `gaugeway-agent/${agentVersion}`,
      ca: config.ca_file === undefined ? undefined : readFileSync(config.ca_file, 'utf8'),
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
  const state: State = { trouble: createTrouble(log), dropped: new Map() };
  const countDropped = (reason: SendDropReason | SpoolDropReason, batches = 1) => {
    state.dropped.set(reason, (state.dropped.get(reason) ?? 0) + batches);
    log.warn('batches given up', { reason, batches });
  };
  const spool = openSpool(config, countDropped, log);
  const sender = createSender({
    post: (body, timeoutMs) =>
      control.mind(() => transport.post(writePath, body, writeHeaders, timeoutMs)),
    spool,
    backoff: createBackoff({ monotonicMs: () => clock.monotonicMs(), random: Math.random }),
    sleep: (ms) => clock.sleep(ms),
    onDrop: (reason) => countDropped(reason),
    onTrouble: (message) => state.trouble.met('sending fails', message),
  });
  const self: SelfCollector = createSelf({
    ...{ state, sender, spool },
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
    heartbeat: () => toHeartbeat({ state, control, running, spool, self, parts }),
    onConfig: running.choose,
    onTrouble: (message) => state.trouble.met('heartbeat fails', message),
    onTold: state.trouble.told,
  });
  running.choose(control.remote());
  const intervalMs = () => 1000 * (control.remote()?.intervalSeconds ?? config.interval_seconds);
  const agent = createAgent({
    hostId,
    bootId: host.bootId,
    collectors: running.list,
    nodeNames: running.nodeNames,
    encoder: createEncoder({ host_id: hostId }, { job: 'node', instance: host.hostname }),
    compress: compressBody,
    sender,
    intervalMs,
    beat: () => control.beat(),
    ...(onTick === undefined ? {} : { onTick }),
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
  stuckMounts: () => number;
  clockOffsetMs: () => number | undefined;
}): SelfCollector {
  const { state, sender, spool } = deps;
  return createSelfCollector({
    state: () => ({
      version: agentVersion,
      clockOffsetMs: deps.clockOffsetMs(),
      stuckMounts: deps.stuckMounts(),
      sentBatches: sender.sentBatches(),
      droppedBatches: state.dropped,
      spool: spool.stats(),
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
  control: Control;
  running: Running;
  spool: SpoolBuffer;
  self: SelfCollector;
  parts: Parts;
}): Heartbeat {
  const { state, control, spool, parts } = deps;
  const { bytes, oldestMs } = spool.stats();
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
      dropped_batches: [...state.dropped.values()].reduce((sum, count) => sum + count, 0),
    },
    last_error: state.trouble.last(),
    clock_offset_ms: offsetMs === undefined ? null : Math.round(offsetMs),
    ips: parts.host.ips(),
    has_gpu: parts.host.hasGpu,
    self: { rss_bytes: cost.rssBytes, cpu_ratio: cost.cpuRatio },
    top_processes: deps.running.topProcesses(),
  };
}
