import type { Collector } from './collector.ts';
import { createLabelCache } from './node/labels.ts';
import { listNames, readValue, type Procfs } from './procfs/root.ts';
import { emitValues, type ValueFile } from './values.ts';

const hertzPerKilohertz = 1000;
const perMilli = 1e-3;
const perMicro = 1e-6;

const frequencies: readonly ValueFile[] = [
  ['cpuinfo_cur_freq', 'node_cpu_frequency_hertz', hertzPerKilohertz],
  ['cpuinfo_min_freq', 'node_cpu_frequency_min_hertz', hertzPerKilohertz],
  ['cpuinfo_max_freq', 'node_cpu_frequency_max_hertz', hertzPerKilohertz],
  ['scaling_cur_freq', 'node_cpu_scaling_frequency_hertz', hertzPerKilohertz],
  ['scaling_min_freq', 'node_cpu_scaling_frequency_min_hertz', hertzPerKilohertz],
  ['scaling_max_freq', 'node_cpu_scaling_frequency_max_hertz', hertzPerKilohertz],
];

/** Clock of each core: Documentation/admin-guide/pm/cpufreq.rst. */
export function createCpufreqCollector(sysfs: Procfs): Collector {
  const labelsOf = createLabelCache('cpu');
  const cpus = 'devices/system/cpu';
  return {
    name: 'cpufreq',
    emits: [],
    collect(_tick, emit) {
      let shown = 0;
      for (const name of listNames(sysfs, cpus)) {
        if (!/^cpu\d+$/.test(name)) continue;
        const directory = `${cpus}/${name}/cpufreq`;
        if (readValue(sysfs, `${directory}/scaling_max_freq`) === undefined) continue;
        emitValues(sysfs, directory, frequencies, { emit, labels: labelsOf(name.slice(3)) });
        shown += 1;
      }
      return shown > 0 ? 'ok' : 'not-on-this-host';
    },
  };
}

/** Thermal zones and what cools them: Documentation/driver-api/thermal/sysfs-api.rst. */
export function createThermalZoneCollector(sysfs: Procfs): Collector {
  const root = 'class/thermal';
  return {
    name: 'thermal_zone',
    emits: [],
    collect(_tick, emit) {
      let shown = 0;
      for (const entry of listNames(sysfs, root)) {
        const directory = `${root}/${entry}`;
        const [, kind, number = ''] = /^(thermal_zone|cooling_device)(\d+)$/.exec(entry) ?? [];
        const type = kind && readValue(sysfs, `${directory}/type`);
        if (type === undefined || type === '') continue;
        const isZone = kind === 'thermal_zone';
        const files: readonly ValueFile[] = isZone
          ? [['temp', 'node_thermal_zone_temp', perMilli]]
          : [
              ['cur_state', 'node_cooling_device_cur_state'],
              ['max_state', 'node_cooling_device_max_state'],
            ];
        emitValues(sysfs, directory, files, {
          emit,
          labels: [
            [isZone ? 'zone' : 'name', number],
            ['type', type],
          ],
        });
        shown += 1;
      }
      return shown > 0 ? 'ok' : 'not-on-this-host';
    },
  };
}

const powerFiles: readonly ValueFile[] = [
  ['online', 'node_power_supply_online'],
  ['present', 'node_power_supply_present'],
  ['capacity', 'node_power_supply_capacity'],
  ['cycle_count', 'node_power_supply_cyclecount'],
  ['current_now', 'node_power_supply_current_ampere', perMicro],
  ['voltage_now', 'node_power_supply_voltage_volt', perMicro],
  ['power_now', 'node_power_supply_power_watt', perMicro],
  ['energy_now', 'node_power_supply_energy_watthour', perMicro],
  ['energy_full', 'node_power_supply_energy_full', perMicro],
  ['charge_now', 'node_power_supply_charge_ampere', perMicro],
  ['charge_full', 'node_power_supply_charge_full', perMicro],
];

/** Mains and batteries: Documentation/ABI/testing/sysfs-class-power; their files count in millionths. */
export function createPowerSupplyCollector(sysfs: Procfs): Collector {
  const labelsOf = createLabelCache('power_supply');
  const root = 'class/power_supply';
  return {
    name: 'powersupplyclass',
    emits: [],
    collect(_tick, emit) {
      const supplies = listNames(sysfs, root);
      for (const supply of supplies) {
        emitValues(sysfs, `${root}/${supply}`, powerFiles, { emit, labels: labelsOf(supply) });
      }
      return supplies.length > 0 ? 'ok' : 'not-on-this-host';
    },
  };
}
