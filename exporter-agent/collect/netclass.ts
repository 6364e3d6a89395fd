import type { Collector } from './collector.ts';
import { isPerContainer } from './network.ts';
import { createLabelCache } from './node/labels.ts';
import { listNames, readValue, type Procfs } from './procfs/root.ts';
import { emitValues, type ValueFile } from './values.ts';

const bytesPerSecondOfMegabit = 125_000;

const files: readonly ValueFile[] = [
  ['addr_assign_type', 'node_network_address_assign_type'],
  ['carrier', 'node_network_carrier'],
  ['carrier_changes', 'node_network_carrier_changes_total'],
  ['carrier_up_count', 'node_network_carrier_up_changes_total'],
  ['carrier_down_count', 'node_network_carrier_down_changes_total'],
  ['dev_id', 'node_network_device_id'],
  ['dormant', 'node_network_dormant'],
  ['flags', 'node_network_flags'],
  ['ifindex', 'node_network_iface_id'],
  ['iflink', 'node_network_iface_link'],
  ['link_mode', 'node_network_iface_link_mode'],
  ['mtu', 'node_network_mtu_bytes'],
  ['name_assign_type', 'node_network_name_assign_type'],
  ['netdev_group', 'node_network_net_dev_group'],
  ['statistics/rx_nohandler', 'node_network_receive_nohandler_total'],
  ['tx_queue_len', 'node_network_transmit_queue_length'],
  ['type', 'node_network_protocol_type'],
];

/** What an interface is and whether it is up: /sys/class/net, Documentation/ABI/testing/sysfs-class-net. */
export function createNetclassCollector(sysfs: Procfs): Collector {
  const labelsOf = createLabelCache('device');
  return {
    name: 'netclass',
    emits: [],
    collect(_tick, emit) {
      const devices = listNames(sysfs, 'class/net').filter((name) => !isPerContainer.test(name));
      for (const device of devices) {
        const directory = `class/net/${device}`;
        const operstate = readValue(sysfs, `${directory}/operstate`);
        // A file beside the interfaces, such as bonding_masters.
        if (operstate === undefined) continue;
        const labels = labelsOf(device);
        emitValues(sysfs, directory, files, { emit, labels });
        // -1 says that the driver does not know.
        const megabits = Number(readValue(sysfs, `${directory}/speed`) ?? -1);
        if (megabits >= 0) {
          emit('node_network_speed_bytes', megabits * bytesPerSecondOfMegabit, labels);
        }
        emit('node_network_up', operstate === 'up' ? 1 : 0, labels);
        const text = (file: string) => readValue(sysfs, `${directory}/${file}`) ?? '';
        emit('node_network_info', 1, [
          ['address', text('address')],
          ['broadcast', text('broadcast')],
          ['device', device],
          ['duplex', text('duplex')],
          ['ifalias', text('ifalias')],
          ['operstate', operstate],
        ]);
      }
      return devices.length > 0 ? 'ok' : 'not-on-this-host';
    },
  };
}
