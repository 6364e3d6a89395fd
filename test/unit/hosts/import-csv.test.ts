import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHostsCsv } from '../../../src/hosts/index.ts';
import { planImport } from '../../../src/hosts/import-plan.ts';
import type { Host } from '../../../src/hosts/index.ts';

const make = (fields: { id?: string; hostname: string; ips: readonly string[]; tags: object }) =>
  ({ ...fields, id: fields.id ?? fields.hostname, tenantId: 't' }) as unknown as Host;

describe('a file of hosts', () => {
  it('counts lines as an editor does, line breaks inside fields included', () => {
    const { rows, rejected } = parseHostsCsv(
      'hostname,tags\n"a","x=1;\ny=2"\nb,\n\n,nothing\nc,le=1\n',
    );
    expect(rows.map(({ line, hostname }) => [line, hostname])).toEqual([
      [2, 'a'],
      [4, 'b'],
    ]);
    expect(rows[0]?.tags).toEqual({ x: '1', y: '2' });
    expect(rejected.map(({ line, reason }) => [line, reason])).toEqual([
      [6, 'missing_hostname'],
      [7, 'bad_tag'],
    ]);
  });

  it('reads every hostname back that it was given, quoted as it may be', () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9,"; é-]{0,20}[a-z0-9]$/);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 20 }), (names) => {
        const lines = names.map((one) => `"${one.replaceAll('"', '""')}"`);
        const { rows, rejected } = parseHostsCsv(['hostname', ...lines].join('\n'));
        expect(rejected).toEqual([]);
        expect(rows.map(({ hostname }) => hostname)).toEqual(names);
      }),
    );
  });

  it('is refused with BAD_REQUEST or read, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        try {
          parseHostsCsv(`hostname,${text}`);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_REQUEST' });
        }
      }),
    );
  });
});

describe('the plan of an import', () => {
  const wanted = (text: string) => ({
    ...parseHostsCsv(text),
    ...{ dryRun: false, onError: 'skip' as const },
  });

  it('adds no more hosts than the tenant has room for, and changes those that are there', () => {
    const there = make({ id: 'b', hostname: 'old', ips: [], tags: { role: 'db' } });
    const plan = planImport(wanted('hostname,id,tag.zone\na,,eu\nnew,b,eu\nc,,\n'), {
      ...{ existing: new Map([['b', there]]), room: 1, make },
    });
    expect(plan.changes.map(({ line, action, after }) => [line, action, after.id])).toEqual([
      [2, 'create', 'a'],
      [3, 'change', 'b'],
    ]);
    expect(plan.changes[1]?.after).toMatchObject({
      ...{ hostname: 'new', tags: { role: 'db', zone: 'eu' } },
    });
    expect(plan.rejected).toMatchObject([{ line: 4, reason: 'too_many_hosts' }]);
  });

  it('finds nothing to change in what it has just planned', () => {
    const file = wanted('hostname,ips,tag.zone\na,10.0.0.1,eu\nb,,\n');
    const first = planImport(file, { existing: new Map(), room: 9, make });
    const existing = new Map(first.changes.map(({ after }) => [after.id, after]));
    expect(planImport(file, { existing, room: 0, make })).toEqual({
      ...{ changes: [], unchanged: 2, rejected: [] },
    });
  });
});
