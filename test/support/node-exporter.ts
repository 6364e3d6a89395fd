import { freePort, launch, until, type Stage } from './stage.ts';
import { readExposition, type Exposition } from './exposition.ts';

/** A real node_exporter with the defaults of its own project, where Debian has others. */
export async function startNodeExporter(
  stage: Stage,
  args: string[] = [],
): Promise<() => Promise<Exposition>> {
  const address = `127.0.0.1:${String(await freePort())}`;
  const url = `http://${address}`;
  await launch(stage, { url, health: '/' }, 'prometheus-node-exporter', [
    `--web.listen-address=${address}`,
    '--collector.netdev.device-exclude=^$',
    ...args,
  ]);
  const scrape = async () => readExposition(await (await fetch(`${url}/metrics`)).text());
  await until('it has figures', async () => (await scrape()).samples.has('node_load1'));
  return scrape;
}
