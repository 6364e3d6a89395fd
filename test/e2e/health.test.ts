import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type ManagedPostgres } from '../../src/managed/index.ts';
import { silentLogger } from '../../src/platform/index.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../support/stage.ts';

const stage = new Stage();
let storage: Awaited<ReturnType<typeof startStorage>>;
let product: Product;

beforeAll(async () => {
  storage = await startStorage(stage);
  product = await startProduct(stage, storage);
}, 120_000);
afterAll(() => stage.end());

interface Said {
  status: number;
  body: Record<string, string>;
}

async function get(server: Product, path: string): Promise<Said> {
  const answer = await fetch(server.url + path);
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

const saysReady = (server: Product, status: number) =>
  until(`/ready answers ${String(status)}`, async () => {
    return (await get(server, '/ready')).status === status;
  });
