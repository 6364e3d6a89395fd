import { z } from 'zod';
import type { User, Users } from '../../access/index.ts';
import {
  actorOf,
  bodyOf,
  found,
  isoTime,
  pageOf,
  paramOf,
  principalOf,
  pageSchema,
} from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { userAnswer, usersAnswer } from '../schemas/access.ts';

const role = z.enum(['Viewer', 'Operator', 'Admin']);
const password = z.string().min(1).max(1_024);
const newUser = z.strictObject({ email: z.email().max(320), password, role });
const change = z
  .strictObject({
    role: role.optional(),
    status: z.enum(['active', 'disabled']).optional(),
    password: password.optional(),
  })
  .transform(({ role: newRole, status, password: newPassword }) => ({
    ...(newRole === undefined ? {} : { role: newRole }),
    ...(status === undefined ? {} : { status }),
    ...(newPassword === undefined ? {} : { password: newPassword }),
  }));

const row = { needs: 'admin', errors: 'envelope' } as const;
const one = '/api/v1/users/:id';

/** The people of the administrator's own tenant. */
export function userRoutes({ users }: { users: Users }): Route[] {
  const target = (call: Call): Promise<User> =>
    found('user', users.get(principalOf(call).tenantId, paramOf(call.req, 'id')));
  return [
    {
      ...{ ...row, method: 'GET', path: '/api/v1/users', summary: 'Users of the tenant' },
      spec: { tag: 'Access', query: pageSchema, answers: { 200: usersAnswer } },
      async handle(call) {
        const page = pageOf(call.req);
        const { items, total } = await users.list(principalOf(call).tenantId, page);
        call.res.json({ users: items.map(userJson), total, ...page });
      },
    },
    {
      ...{ ...row, method: 'POST', path: '/api/v1/users', summary: 'Add a user' },
      spec: { tag: 'Access', body: newUser, answers: { 201: userAnswer } },
      async handle(call) {
        const wanted = bodyOf(call.req, newUser);
        const user = await users.create(principalOf(call).tenantId, wanted, actorOf(call));
        call.res.status(201).json(userJson(user));
      },
    },
    {
      ...{ ...row, method: 'GET', path: one, summary: 'One user' },
      spec: { tag: 'Access', answers: { 200: userAnswer } },
      handle: async (call) => void call.res.json(userJson(await target(call))),
    },
    {
      ...{ ...row, method: 'PATCH', path: one, summary: 'Change role, status or password' },
      spec: { tag: 'Access', body: change, answers: { 200: userAnswer } },
      async handle(call) {
        const wanted = bodyOf(call.req, change);
        const user = await users.update(await target(call), wanted, actorOf(call));
        call.res.json(userJson(user));
      },
    },
    {
      ...{ ...row, method: 'DELETE', path: one, summary: 'Remove a user' },
      spec: { tag: 'Access', answers: { 204: 'empty' } },
      async handle(call) {
        await users.remove(await target(call), actorOf(call));
        call.res.status(204).end();
      },
    },
  ];
}

export function userJson({ id, email, role: ofUser, status, createdAtMs }: User) {
  return { id, email, role: ofUser, status, created_at: isoTime(createdAtMs) };
}
