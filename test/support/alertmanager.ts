import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, launch, type Stage } from './stage.ts';

/** Where Debian's build looks, with no option to say otherwise. */
const template = '/usr/share/prometheus/alertmanager/default.tmpl';
const unpacked = join(import.meta.dirname, '../../.cache/peers/usr/share');

/** Debian's Alertmanager on loopback. Gives its address. */
export async function startAlertmanager(stage: Stage, config: string): Promise<string> {
  const [port, folder] = [await freePort(), stage.directory()];
  const url = `http://127.0.0.1:${port}`;
  const file = join(folder, 'alertmanager.yml');
  writeFileSync(file, config);
  const args = [
    ...[`--config.file=${file}`, `--storage.path=${folder}`, '--cluster.listen-address='],
    ...[`--web.listen-address=127.0.0.1:${port}`, '--web.external-url=https://gaugeway.example'],
    '--web.route-prefix=/',
  ];
  // Unpacked and not installed: it sees the package's files where it expects them, in a namespace of its own.
  const script = `mount --bind '${unpacked}' /usr/share && exec prometheus-alertmanager "$@"`;
  const [command, ...front] = existsSync(template)
    ? ['prometheus-alertmanager']
    : ['unshare', '--map-root-user', '--mount', 'sh', '-c', script, 'sh'];
  await launch(stage, { url, health: '/-/ready' }, command, [...front, ...args]);
  return url;
}
