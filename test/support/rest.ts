import type { Product } from './stage.ts';

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>;

/** Calls of the product's own API with one credential. */
export function caller(product: Pick<Product, 'url'>, authorization: string): Call {
  return async (method, path, body, headers = {}) => {
    const answer = await fetch(product.url + path, {
      method,
      headers: { authorization, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: answer.status, headers: answer.headers, body: json };
  };
}

/** The list at a name of an answer. */
export function listOf(answer: Answer, name: string): Record<string, unknown>[] {
  return answer.body[name] as Record<string, unknown>[];
}

/** A person of the tenant `default` with a role, signed in. */
export async function person(product: Product, role: string): Promise<Call> {
  const admin = caller(product, product.adminToken);
  const [email, password] = [`${role.toLowerCase()}@example.com`, 'a-long-password-of-a-person'];
  await admin('POST', '/api/v1/users', { email, password, role });
  const { body } = await caller(product, '')('POST', '/api/v1/auth/login', { email, password });
  const token = String(body['token']);
  return caller(product, token.startsWith('Bearer ') ? token : `Bearer ${token}`);
}
