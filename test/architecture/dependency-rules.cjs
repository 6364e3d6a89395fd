/**
 * Who may import whom, for dependency-cruiser; `arrows.test.ts` holds the tree to it and proves that every rule bites.
 * By hand: `npx depcruise --config test/architecture/dependency-rules.cjs src exporter-agent migrations`.
 */

/**
 * Room → the rooms whose doors it may import; of those in `types` only types. The two halves of `storage` are rooms.
 * Types-only rows are the inversions: `storage` implements ports that the rooms before it define.
 */
const arrows = {
  platform: { doors: [] },
  catalog: { doors: [] },
  wire: { doors: [] },
  access: { doors: ['platform'] },
  forward: { doors: ['wire', 'platform'] },
  ingest: { doors: ['forward', 'wire', 'catalog', 'platform'] },
  query: { doors: ['catalog', 'platform'] },
  agents: { doors: ['access', 'platform'] },
  limits: { doors: ['platform'] },
  tenants: { doors: ['access', 'platform'] },
  live: { doors: ['access', 'platform'] },
  'host-metrics': { doors: ['query', 'catalog', 'platform'] },
  hosts: { doors: ['access', 'host-metrics', 'catalog', 'platform'] },
  rules: { doors: ['query', 'alerts', 'catalog', 'platform'] },
  alerts: { doors: ['platform'] },
  notify: { doors: ['access', 'alerts', 'platform'] },
  ruler: { doors: ['rules', 'alerts', 'query', 'wire', 'catalog', 'platform'] },
  'rule-tests': { doors: ['ruler', 'rules', 'query', 'wire', 'platform'] },
  'alert-desk': { doors: ['access', 'alerts', 'query', 'ruler', 'rules', 'platform'] },
  'storage/postgres': {
    doors: ['wire', 'catalog', 'platform'],
    types: [
      ...['access', 'agents', 'alerts', 'forward', 'hosts', 'ingest', 'notify'],
      ...['limits', 'query', 'reports', 'retention', 'ruler', 'rules', 'alert-desk', 'tenants'],
      'purge',
    ],
  },
  reports: { doors: ['access', 'host-metrics', 'platform'] },
  retention: { doors: ['wire', 'catalog', 'platform'] },
  'storage/blobs': { doors: ['platform'], types: ['reports'] },
  'storage/victoria': {
    doors: ['wire', 'catalog', 'platform'],
    types: ['forward', 'hosts', 'query', 'retention', 'ruler', 'tenants'],
  },
  install: { doors: ['platform'] },
  backup: { doors: ['platform'] },
  purge: { doors: ['platform'] },
  observe: { doors: ['wire', 'platform'] },
  managed: { doors: ['platform'], types: ['storage/victoria'] },
  http: {
    doors: [
      ...['access', 'agents', 'alerts', 'hosts', 'ingest', 'install', 'notify', 'query', 'ruler'],
      ...['rules', 'alert-desk', 'host-metrics', 'limits', 'reports', 'catalog', 'platform'],
      'tenants',
    ],
  },
  app: {
    doors: [
      ...['access', 'agents', 'forward', 'hosts', 'http', 'ingest', 'install', 'managed', 'query'],
      ...[
        'alert-desk',
        'alerts',
        'backup',
        'purge',
        'host-metrics',
        'limits',
        'live',
        'reports',
        'retention',
        'storage/blobs',
        'notify',
        'observe',
        'ruler',
        'rules',
        'storage/postgres',
        'storage/victoria',
        'tenants',
        'wire',
        'catalog',
        'platform',
      ],
    ],
  },
  cli: {
    doors: [
      'app',
      'managed',
      'rule-tests',
      'rules',
      'ruler',
      'storage/victoria',
      'wire',
      'platform',
    ],
  },
};

/** Library → the only places that may import it. */
const owners = {
  '@promster/express': ['src/http/'],
  aws4fetch: ['src/storage/blobs/'],
  bcrypt: ['src/access/'],
  commander: ['src/cli/'],
  'csv-parse': ['src/hosts/'],
  croner: ['src/reports/'],
  'csv-stringify': ['src/reports/'],
  express: ['src/http/'],
  helmet: ['src/http/'],
  'js-yaml': ['src/platform/yaml.ts', 'exporter-agent/config/'],
  jsonwebtoken: ['src/access/'],
  knex: ['src/storage/postgres/', 'migrations/'],
  nodemailer: ['src/notify/'],
  passport: ['src/access/'],
  'passport-local': ['src/access/'],
  pdfmake: ['src/reports/'],
  pg: ['src/storage/postgres/'],
  pino: ['src/platform/log.ts'],
  'prom-client': ['src/platform/meters.ts'],
  protobufjs: ['src/wire/'],
  re2js: ['src/alerts/', 'src/rules/template/'],
  'socket.io': ['src/live/'],
  undici: ['src/storage/victoria/', 'src/notify/'],
};

/** Modules of Node that reach other processes and machines. */
const coreOwners = {
  child_process: ['src/managed/', 'exporter-agent/collect/darwin/', 'exporter-agent/collect/gpu/'],
  dgram: [],
  http: [
    'src/cli/transport.ts',
    'src/http/',
    'src/managed/',
    'exporter-agent/listen/',
    'exporter-agent/send/',
  ],
  http2: [],
  https: ['src/cli/transport.ts', 'src/http/', 'src/managed/', 'exporter-agent/send/'],
  net: [
    'src/http/',
    'src/managed/',
    'src/notify/',
    'src/rules/template/',
    'src/app/listen-address.ts',
    'src/cli/doctor/',
    'exporter-agent/send/',
  ],
  tls: ['src/cli/transport.ts', 'src/http/', 'exporter-agent/send/'],
  worker_threads: ['src/reports/'],
};

/** Any room of src: schemas, and a bounded map. */
const sharedLibraries = ['lru-cache', 'zod'];

const agentLibraries = ['js-yaml'];

const room = '(?:storage/)?[^/]+';
const anyDoor = `^src/${room}/index[.]ts$`;
const product = '^(?:src|exporter-agent|migrations)/';
const literal = (text) => text.replaceAll('.', '[.]');
const below = (rooms) => `^src/(?:${rooms.join('|')})/`;
const library = (name) => `(?:^|/)node_modules/${literal(name)}/`;
const among = (paths) => paths.map((path) => `^${literal(path)}`);

function rule(name, comment, from, to) {
  return { name, severity: 'error', comment, from, to };
}

function arrowRules([name, { doors, types = [] }]) {
  const known = [name, ...doors, ...types];
  const list = [...doors, ...types.map((type) => `${type} (types only)`)].join(', ') || 'no room';
  const from = { path: below([name]) };
  const arrow = rule(`arrow:${name}`, `${name} may import ${list}`, from, {
    path: '^src/',
    pathNot: below(known),
  });
  if (types.length === 0) return [arrow];
  const typesOnly = rule(
    `types-only:${name}`,
    `${name} may import types, and no values, of ${types.join(', ')}`,
    from,
    { path: below(types), dependencyTypesNot: ['type-only'] },
  );
  return [arrow, typesOnly];
}

const ownerRules = [
  ...Object.entries(owners).map(([name, paths]) =>
    rule(
      `owner:${name}`,
      `${name} is imported by ${paths.join(', ')} alone`,
      { path: product, pathNot: among(paths) },
      { path: library(name) },
    ),
  ),
  ...Object.entries(coreOwners).map(([name, paths]) =>
    rule(
      `owner:node:${name}`,
      `node:${name} is imported by ${paths.join(', ') || 'nobody'}`,
      { path: product, pathNot: among(paths) },
      { path: `^(?:node:)?${name}(?:/|$)`, dependencyTypes: ['core'] },
    ),
  ),
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    rule('circle', 'Nothing imports itself by a detour', {}, { circular: true }),
    rule('unresolved', 'Every import is found', { path: product }, { couldNotResolve: true }),
    rule(
      'door',
      'A room is imported by its door, index.ts',
      { path: `^src/(${room})/` },
      { path: `^src/${room}/`, pathNot: ['^src/$1/', anyDoor] },
    ),
    ...Object.entries(arrows).flatMap(arrowRules),
    rule(
      'arrow:main',
      'main.ts imports the door of cli',
      { path: '^src/main[.]ts$' },
      { path: '^src/', pathNot: '^src/cli/index[.]ts$' },
    ),
    rule(
      'arrow:exporter-agent',
      'Of src the agent imports the door of catalog',
      { path: '^exporter-agent/' },
      { path: '^src/', pathNot: '^src/catalog/index[.]ts$' },
    ),
    rule(
      'src-stands-alone',
      'src imports nothing of the folders beside it',
      { path: '^src/' },
      { path: '^(?:exporter-agent|migrations|test|bin|docker|grafana-compat|dist)/' },
    ),
    rule(
      'exporter-agent-stands-alone',
      'The agent imports nothing of the folders beside it, but src/catalog',
      { path: '^exporter-agent/' },
      { path: '^(?:migrations|test|bin|docker|grafana-compat|dist)/' },
    ),
    rule(
      'migrations-stand-alone',
      'A released migration depends on knex and on nothing that changes',
      { path: '^migrations/' },
      { pathNot: library('knex') },
    ),
    rule(
      'exporter-agent-libraries',
      `The bundle holds ${agentLibraries.join(', ')} and no other library`,
      { path: '^exporter-agent/', pathNot: '^exporter-agent/build[.]js$' },
      { path: '(?:^|/)node_modules/', pathNot: agentLibraries.map(library) },
    ),
    rule(
      'owner-unknown',
      'A library has a row in `owners`, or is one of those for all',
      { path: '^src/' },
      {
        path: '(?:^|/)node_modules/',
        pathNot: [...Object.keys(owners), ...sharedLibraries].map(library),
      },
    ),
    ...ownerRules,
  ],
  options: {
    doNotFollow: { path: '(?:^|/)node_modules/' },
    // AssemblyScript: another language with its own resolution.
    exclude: { path: '^src/wire/kernel/assembly/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
