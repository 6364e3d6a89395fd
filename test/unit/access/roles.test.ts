import { describe, expect, it } from 'vitest';
import { can, type Action, type KeyScope, type Role } from '../../../src/access/index.ts';

const actions: Action[] = ['read', 'operate', 'admin', 'write'];
const base = { id: 'i', name: 'n', tenantId: 't' };

describe('who may do what', () => {
  it.each<[Role, Action[]]>([
    ['Viewer', ['read']],
    ['Operator', ['read', 'operate']],
    ['Admin', ['read', 'operate', 'admin']],
  ])('a %s may %j and nothing else', (role, allowed) => {
    expect(actions.filter((action) => can({ ...base, kind: 'user', role }, action))).toEqual(
      allowed,
    );
  });

  it.each<[KeyScope[], Action[]]>([
    [['read'], ['read']],
    [['write'], ['write']],
    [['admin'], ['read', 'operate', 'admin']],
    [
      ['read', 'write'],
      ['read', 'write'],
    ],
    [[], []],
  ])('a key with the scopes %j may %j and nothing else', (scopes, allowed) => {
    expect(actions.filter((action) => can({ ...base, kind: 'key', scopes }, action))).toEqual(
      allowed,
    );
  });

  it('a role on a key and scopes on a person count for nothing', () => {
    expect(can({ ...base, kind: 'key', role: 'Admin' }, 'read')).toBe(false);
    expect(can({ ...base, kind: 'user', scopes: ['admin'] }, 'read')).toBe(false);
  });
});
