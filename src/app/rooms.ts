import { createServer } from 'node:http';
import type { BuildRooms } from './compose.ts';
import { parseListen } from './listen-address.ts';

/** Wires the rooms, in the order in which they stand on each other. */
export const buildRooms: BuildRooms = async ({ loaded, lifecycle }) => {
  const { host, port } = parseListen(loaded.config.listen);
  const server = createServer((req, res) => {
    const isHealth = req.url === '/health';
    res.writeHead(isHealth ? 200 : 404, { 'content-type': 'text/plain' });
    res.end(isHealth ? 'ok\n' : 'not found\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
  });
  lifecycle.onStop('HTTP server', async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  });
  return { url: `http://${loaded.config.listen}` };
};
