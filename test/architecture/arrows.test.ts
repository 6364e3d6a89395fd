import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rooms } from './rooms.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { forbidden, options } = createRequire(import.meta.url)('./dependency-rules.cjs') as {
  forbidden: { name: string }[];
  options: ICruiseOptions;
};
const ruleNames = forbidden.map(({ name }) => name);

interface Violation {
  rule: string;
  from: string;
  to: string;
}

async function violationsBelow(baseDir: string): Promise<Violation[]> {
  const { output } = await cruise(['src', 'exporter-agent', 'migrations'], {
    ...options,
    baseDir,
    validate: true,
    ruleSet: { forbidden } as NonNullable<ICruiseOptions['ruleSet']>,
  });
  const { violations, totalDependenciesCruised } = (output as ICruiseResult).summary;
  expect(totalDependenciesCruised, 'imports that were looked at').toBeGreaterThan(50);
  // A circle is told once; it concerns all its members.
  return violations.flatMap(({ rule, from, to, cycle }) =>
    (cycle?.map(({ name }) => name) ?? [from]).map((one) => ({ rule: rule.name, from: one, to })),
  );
}

describe('the import arrows', () => {
  it('hold in the whole tree', async () => {
    expect(await violationsBelow(root)).toEqual([]);
  });

  it('have a row for every room, and no row without a room', () => {
    const rows = ruleNames
      .filter((name) => name.startsWith('arrow:'))
      .map((name) => name.slice('arrow:'.length))
      .filter((name) => name !== 'main' && name !== 'exporter-agent');
    expect(rows.sort()).toEqual(rooms().sort());
  });
});

/** For each room one that it must not know. */
const wrongNeighbours: Record<string, string> = {
  platform: 'wire',
  catalog: 'platform',
  wire: 'catalog',
  access: 'storage/postgres',
  forward: 'ingest',
  ingest: 'query',
  query: 'storage/victoria',
  limits: 'access',
  live: 'hosts',
  tenants: 'ingest',
  reports: 'hosts',
  retention: 'query',
  'storage/blobs': 'hosts',
  'host-metrics': 'hosts',
  hosts: 'http',
  rules: 'storage/postgres',
  alerts: 'rules',
  notify: 'ruler',
  ruler: 'storage/postgres',
  'rule-tests': 'storage/victoria',
  'alert-desk': 'notify',
  agents: 'hosts',
  backup: 'storage/postgres',
  purge: 'storage/postgres',
  'storage/postgres': 'managed',
  'storage/victoria': 'access',
  install: 'http',
  observe: 'storage/victoria',
  managed: 'app',
  http: 'storage/postgres',
  app: 'cli',
  cli: 'http',
};

interface BadImport {
  rule: string;
  /** The file with one import too many. */
  file: string;
  imports: string;
}

const doorTo = (room: string, from: string): string =>
  `${'../'.repeat(from.split('/').length)}${room}/index.ts`;

const between = Object.entries(wrongNeighbours).map(([from, to]) => ({
  rule: `arrow:${from}`,
  file: `src/${from}/knows-too-much.ts`,
  imports: `import '${doorTo(to, from)}';`,
}));

/** The type beside it is allowed and must not hide the value. */
const values = [
  ['storage/postgres', 'access'],
  ['storage/victoria', 'forward'],
  ['managed', 'storage/victoria'],
].map(([from = '', to = '']) => ({
  rule: `types-only:${from}`,
  file: `src/${from}/takes-a-value.ts`,
  imports: [
    `import type { Port } from '${doorTo(to, from)}';`,
    `import { door } from '${doorTo(to, from)}';`,
    'export const port: Port = door;',
  ].join('\n'),
}));

const libraries = ruleNames
  .filter((name) => name.startsWith('owner:'))
  .map((rule) => {
    const library = rule.slice('owner:'.length);
    return {
      rule,
      file: `src/catalog/uses-${library.replaceAll(/\W/g, '-')}.ts`,
      imports: `import '${library}';`,
    };
  });

const badImports: BadImport[] = [
  ...between,
  ...values,
  ...libraries,
  { rule: 'circle', file: 'src/wire/hen.ts', imports: "import './egg.ts';" },
  { rule: 'circle', file: 'src/wire/egg.ts', imports: "import './hen.ts';" },
  { rule: 'unresolved', file: 'src/wire/lost.ts', imports: "import './nowhere.ts';" },
  { rule: 'door', file: 'src/http/by-the-window.ts', imports: "import '../access/inside.ts';" },
  {
    rule: 'door',
    file: 'src/app/by-the-window.ts',
    imports: "import '../storage/victoria/inside.ts';",
  },
  { rule: 'arrow:main', file: 'src/main.ts', imports: "import './app/index.ts';" },
  {
    rule: 'arrow:exporter-agent',
    file: 'exporter-agent/with-the-server.ts',
    imports: "import '../src/platform/index.ts';",
  },
  {
    rule: 'arrow:exporter-agent',
    file: 'exporter-agent/by-the-window.ts',
    imports: "import '../src/catalog/inside.ts';",
  },
  {
    rule: 'src-stands-alone',
    file: 'src/catalog/with-the-agent.ts',
    imports: "import '../../exporter-agent/agent.ts';",
  },
  {
    rule: 'types-only:storage/blobs',
    file: 'src/storage/blobs/with-a-value.ts',
    imports: "import { door } from '../../reports/index.ts';\nexport { door };",
  },
  {
    rule: 'exporter-agent-stands-alone',
    file: 'exporter-agent/with-tests.ts',
    imports: "import '../test/support.ts';",
  },
  {
    rule: 'migrations-stand-alone',
    file: 'migrations/1_with_the_server.ts',
    imports: "import '../src/platform/index.ts';",
  },
  {
    rule: 'exporter-agent-libraries',
    file: 'exporter-agent/with-a-library.ts',
    imports: "import 'zod';",
  },
  {
    rule: 'owner-unknown',
    file: 'src/catalog/with-a-stranger.ts',
    imports: "import 'typescript';",
  },
];

describe('each rule', () => {
  let tree: string;
  let violations: Violation[];

  function put(file: string, text: string): void {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), `${text}\n`);
  }

  beforeAll(async () => {
    tree = mkdtempSync(join(tmpdir(), 'gaugeway-arrows-'));
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
    for (const room of Object.keys(wrongNeighbours)) {
      put(`src/${room}/index.ts`, 'export type Port = number;\nexport const door = 1;');
      put(`src/${room}/inside.ts`, 'export {};');
    }
    put('exporter-agent/agent.ts', "import '../src/catalog/index.ts';");
    put('test/support.ts', 'export {};');
    for (const { file, imports } of badImports) put(file, imports);
    violations = await violationsBelow(tree);
  });

  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  it('has a bad import here that shows it', () => {
    const shown = new Set(badImports.map(({ rule }) => rule));
    expect(ruleNames.filter((name) => !shown.has(name))).toEqual([]);
  });

  it.each(badImports)('$rule refuses $file', ({ rule, file }) => {
    const rules = violations.filter(({ from }) => from === file).map((one) => one.rule);
    expect([...new Set(rules)]).toEqual([rule]);
  });

  it('refuses nothing else', () => {
    const bad = new Set(badImports.map(({ file }) => file));
    expect(violations.filter(({ from }) => !bad.has(from))).toEqual([]);
  });
});
