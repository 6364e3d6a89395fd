import type { Collector, Emit, Labels } from './collector.ts';
import { listNames, readValue, type Procfs } from './procfs/root.ts';

const root = 'class/hwmon';

/** `temp1_input`, `fan2`, `update_interval`: kind, number and property (Documentation/hwmon/sysfs-interface.rst). */
const sensorFile =
  /^(vrm|beep_enable|update_interval|in|cpu|fan|pwm|temp|curr|power|energy|humidity|intrusion)(\d*)(?:_(.+))?$/;

/** Sensors of the mainboard, as node_exporter names and scales them (hwmon_linux.go). */
export function createHwmonCollector(sysfs: Procfs): Collector {
  return {
    name: 'hwmon',
    emits: [],
    collect(_tick, emit) {
      const entries = listNames(sysfs, root);
      for (const entry of entries) collectChip(sysfs, entry, emit);
      return entries.length > 0 ? 'ok' : 'not-on-this-host';
    },
  };
}

type Sensor = Map<string, string>;

function collectChip(sysfs: Procfs, entry: string, emit: Emit): void {
  const directory = `${root}/${entry}`;
  const chip = chipOf(sysfs, entry);
  const name = readValue(sysfs, `${directory}/name`);
  if (name !== undefined && clean(name) !== '') {
    emit('node_hwmon_chip_names', 1, [
      ['chip', chip],
      ['chip_name', clean(name)],
    ]);
  }
  // Old drivers keep their files one level below.
  const sensors = readSensors(sysfs, directory, new Map());
  for (const [sensor, properties] of readSensors(sysfs, `${directory}/device`, sensors)) {
    const kind = sensorFile.exec(sensor)?.[1] ?? '';
    const labels: Labels = [
      ['chip', chip],
      ['sensor', sensor],
    ];
    const label = properties.get('label');
    if (label !== undefined) emit('node_hwmon_sensor_label', 1, [...labels, ['label', label]]);
    for (const [property, text] of properties) {
      if (property === 'label' || text === '') continue;
      const [metric, factor] = metricOf(kind, property, properties.has(''));
      emit(metric, Number(text) * factor, labels);
    }
  }
}

/** Number and kind of a sensor, `temp1`, with its files by property; the property of a bare `fan1` is empty. */
function readSensors(
  sysfs: Procfs,
  directory: string,
  sensors: Map<string, Sensor>,
): Map<string, Sensor> {
  for (const file of listNames(sysfs, directory)) {
    const [, kind, number = '', property = ''] = sensorFile.exec(file) ?? [];
    if (kind === undefined) continue;
    const value = readValue(sysfs, `${directory}/${file}`);
    if (value === undefined) continue;
    const key = `${kind}${number === '' ? '0' : number}`;
    const sensor = sensors.get(key) ?? new Map<string, string>();
    sensors.set(key, sensor.set(property, value));
  }
  return sensors;
}

/** The numbers of hwmon devices depend on the order of loading; the path of the device they sit on does not. */
function chipOf(sysfs: Procfs, entry: string): string {
  try {
    const [bus = '', device = ''] = sysfs
      .resolve(`${root}/${entry}/device`)
      .split('/')
      .slice(-2)
      .map(clean);
    if (device !== '') return bus === '' ? device : `${bus}_${device}`;
  } catch {
    // No device behind it: virtual sensors.
  }
  const name = readValue(sysfs, `${root}/${entry}/name`);
  return clean(name ?? '') || entry;
}

function clean(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9:_]/g, '_')
    .replace(/^_+|_+$/g, '');
}

type HwmonName = `node_hwmon_${string}`;

const perMilli = 1e-3;
const perMicro = 1e-6;

/** Unit and suffix by kind; what needs no unit goes out under its own name. */
function metricOf(kind: string, property: string, hasBare: boolean): [HwmonName, number] {
  if (kind === 'beep_enable') return ['node_hwmon_beep_enabled', 1];
  if (kind === 'vrm') return ['node_hwmon_voltage_regulator_version', 1];
  if (kind === 'update_interval') return ['node_hwmon_update_interval_seconds', perMilli];
  const isValue = property === '' || (property === 'input' && !hasBare);
  const name: HwmonName = `node_hwmon_${kind}${isValue ? '' : `_${clean(property)}`}`;
  if (property === 'fault' || property === 'alarm') return [name, 1];
  if (property === 'beep') return [`${name}_enabled`, 1];
  return withUnit(kind, property, name);
}

/** Suffix and factor of the kinds that have one unit only. */
const units: Readonly<Record<string, readonly [suffix: string, factor: number]>> = {
  in: ['_volts', perMilli],
  cpu: ['_volts', perMilli],
  temp: ['_celsius', perMilli],
  curr: ['_amps', perMilli],
  energy: ['_joule_total', perMicro],
  power: ['_watt', perMicro],
  humidity: ['', perMicro],
};

function withUnit(kind: string, property: string, name: HwmonName): [HwmonName, number] {
  if (kind === 'temp' && property === 'type') return [name, 1];
  if (kind === 'power' && property === 'accuracy') return [name, perMicro];
  if (kind === 'power' && property.startsWith('average_interval')) {
    return [`${name}_seconds`, perMilli];
  }
  if (kind === 'fan' && /^(input|min|max|target)$/.test(property)) return [`${name}_rpm`, 1];
  const [suffix, factor] = units[kind] ?? ['', 1];
  return [`${name}${suffix}`, factor];
}
