import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { rooms } from './rooms.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** They say nothing of what is inside; everything ends up there. */
const emptyNames = ['utils', 'util', 'lib', 'common', 'helpers', 'shared', 'types', 'services'];

describe('a room', () => {
  it.each(rooms())('%s has a door that says what it takes, gives and never does', (room) => {
    const door = read(`src/${room}/index.ts`);
    const [, header = ''] = /^\/\*\*\n((?: \*.*\n)+?) \*\/\n/.exec(door) ?? [];
    const keys = header
      .trimEnd()
      .split('\n')
      .map((line) => /^ \* (\w+):\s+\S/.exec(line)?.[1]);
    expect(keys).toEqual(['takes', 'gives', 'never', 'see']);
    // A store of Postgres is a line there, whatever room it serves.
    const limit = room === 'storage/postgres' ? 60 : 45;
    expect(door.trimEnd().split('\n').length, 'lines').toBeLessThanOrEqual(limit);
  });

  it.each(rooms())('%s has a door that holds names only', (room) => {
    const statements = read(`src/${room}/index.ts`)
      .replaceAll(/\/\*[^]*?\*\//g, '')
      .split(';')
      .map((statement) => statement.trim())
      .filter((statement) => statement !== '');
    const named = /^export (type )?\{[^{}*]+\} from '\.\/[\w./-]+\.ts'$/;
    expect(statements.filter((statement) => !named.test(statement))).toEqual([]);
  });
});

describe('src', () => {
  it('has nothing outside rooms but its entry and its map', () => {
    const files = (path: string): string[] =>
      readdirSync(join(root, path), { withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map(({ name }) => name);
    expect(files('src').sort()).toEqual(['README.md', 'main.ts']);
    expect(files('src/storage')).toEqual([]);
  });

  it('is on its map with every room', () => {
    const map = read('src/README.md');
    const missing = rooms().filter((room) => !map.includes(`| \`${room.replace(/\/.*/, '')}\``));
    expect(missing).toEqual([]);
  });

  it.each(['src', 'exporter-agent', 'migrations', 'test'])(
    '%s has no folder whose name says nothing',
    (folder) => {
      const folders = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isDirectory() && emptyNames.includes(entry.name))
        .map(({ name, parentPath }) => join(parentPath, name));
      expect(folders).toEqual([]);
    },
  );
});
