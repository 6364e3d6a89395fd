/**
 * What a node_exporter tells by default and the agent does not in the profile `full`, with the reason; the README of the
 * agent shows it as a table. A name stands for all that begin with it where it ends with a star.
 */
export const notTold: readonly (readonly [names: string, reason: string])[] = [
  [
    'node_timex_*',
    'adjtimex(2) is a system call that Node.js does not offer; the agent tells its offset to the server as `agent_clock_offset_seconds`',
  ],
  [
    'node_time_zone_offset_seconds',
    "the name of the zone needs Node's ICU tables, about 1 MB of memory",
  ],
  ['node_disk_info', 'model and serial number come from the database of udev'],
  ['node_disk_ata_*', 'from the database of udev'],
  ['node_disk_device_mapper_info', 'from the database of udev'],
  ['node_disk_filesystem_info', 'from the database of udev'],
  ['node_selinux_*', 'of SELinux hosts only'],
  ['node_dmi_info', 'most of it needs root to be read'],
  ['node_cpu_info', 'off in node_exporter too unless asked for'],
  ['node_cpu_core_throttles_total', 'of few processors only'],
  ['node_cpu_package_throttles_total', 'of few processors only'],
  ['node_cpu_isolated', 'the same on each tick of a host'],
  ['node_edac_*', 'memory controllers with error correction: not yet'],
  ['node_rapl_*', 'the kernel lets only root read it'],
  ['node_md_blocks*', 'node-mixin does not read it'],
  [
    'node_md_state',
    'node-mixin does not read it; `node_md_disks` and `node_md_disks_required` tell a degraded array',
  ],
  ['node_nvme_info', 'model and serial number only'],
  ['node_bcache_*', 'rare hardware or filesystem'],
  ['node_btrfs_*', 'rare hardware or filesystem'],
  ['node_fibrechannel_*', 'rare hardware or filesystem'],
  ['node_infiniband_*', 'rare hardware or filesystem'],
  ['node_ipvs_*', 'rare hardware or filesystem'],
  ['node_nfs_*', 'rare hardware or filesystem'],
  ['node_nfsd_*', 'rare hardware or filesystem'],
  ['node_tape_*', 'rare hardware or filesystem'],
  ['node_xfs_*', 'rare hardware or filesystem'],
  ['node_zfs_*', 'rare hardware or filesystem'],
  ['node_systemd_*', 'needs D-Bus; node_exporter has it off by default as well'],
  ['process_virtual_memory_*', "the Go library's figures of the exporter itself"],
  ['process_max_fds', "the Go library's figures of the exporter itself"],
  ['process_open_fds', "the Go library's figures of the exporter itself"],
  ['go_*', "the Go library's figures of the exporter itself"],
  ['promhttp_*', "the Go library's figures of the exporter itself"],
];

export function isNotTold(name: string): boolean {
  return notTold.some(([pattern]) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

/** The two rows of "Node Exporter Full" (1860) that are open when it is opened. */
export const openRowsOf1860 =
  `node_boot_time_seconds node_cpu_seconds_total node_filesystem_avail_bytes
  node_filesystem_size_bytes node_load1 node_memory_Buffers_bytes node_memory_Cached_bytes
  node_memory_MemAvailable_bytes node_memory_MemFree_bytes node_memory_MemTotal_bytes
  node_memory_SReclaimable_bytes node_memory_SwapFree_bytes node_memory_SwapTotal_bytes
  node_network_receive_bytes_total node_network_transmit_bytes_total node_pressure_cpu_waiting_seconds_total
  node_pressure_io_waiting_seconds_total node_pressure_memory_waiting_seconds_total
  node_pressure_irq_stalled_seconds_total node_time_seconds`.split(/\s+/);
