import { caller } from '../../support/rest.ts';
import type { Product } from '../../support/stage.ts';

const password = 'a-long-password-of-a-person';

/** Viewers with sessions of their own. Made a few at a time: each costs two hashes of a password. */
export async function makePeople(product: Product, count: number): Promise<string[]> {
  const admin = caller(product, product.adminToken);
  const tokens: string[] = [];
  let next = 0;
  const maker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const email = `viewer-${String(i)}@example.com`;
      const made = await admin('POST', '/api/v1/users', { email, password, role: 'Viewer' });
      if (made.status !== 201) throw new Error(`user: ${JSON.stringify(made.body)}`);
      const login = { email, password };
      const { body } = await caller(product, '')('POST', '/api/v1/auth/login', login);
      tokens.push(String(body['token']));
    }
  };
  await Promise.all(Array.from({ length: 4 }, maker));
  return tokens;
}
