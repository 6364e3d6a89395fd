import { postJson, type Product } from './stage.ts';

/** What a tenant's people and programs hold. */
export interface TenantAccess {
  write: string;
  read: string;
  /** `Authorization` of its administrator. */
  admin: string;
  makeKey: (key: { name: string; scopes: string[]; host_id?: string }) => Promise<string>;
}

/** A tenant beside `default`, made through the product's own API. */
export async function makeTenant(
  product: Product,
  id: string,
  policy: Record<string, number | string> = {},
): Promise<TenantAccess> {
  const email = `admin@${id}.example`;
  const password = `a-long-password-of-${id}`;
  await postJson(
    `${product.url}/api/v1/tenants`,
    { id, name: id, policy, admin_email: email, admin_password: password },
    product.adminToken,
  );
  const { token = '' } = await postJson(`${product.url}/api/v1/auth/login`, { email, password });
  const admin = token.startsWith('Bearer ') ? token : `Bearer ${token}`;
  const makeKey: TenantAccess['makeKey'] = async (key) =>
    (await postJson(`${product.url}/api/v1/keys`, key, admin))['key'] ?? '';
  return {
    ...{ admin, makeKey },
    write: await makeKey({ name: `${id} write`, scopes: ['write'] }),
    read: await makeKey({ name: `${id} read`, scopes: ['read'] }),
  };
}
