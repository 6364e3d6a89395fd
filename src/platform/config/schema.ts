import { z } from 'zod';
import {
  bytes,
  choice,
  duration,
  flag,
  group,
  integer,
  list,
  mapping,
  optionalText,
  optionalUrl,
  secretText,
  text,
} from './values.ts';

const roleNames = ['all', 'gateway', 'api', 'ruler', 'worker'] as const;
const many = { min: 0, max: Number.MAX_SAFE_INTEGER };

const victoria = (tier: string) =>
  group({
    url: optionalUrl(
      `VictoriaMetrics of the ${tier} tier; \`gaugeway up\` runs one as a managed child when absent.`,
    ),
    cluster: group({
      insertUrl: optionalUrl(
        'A VictoriaMetrics cluster instead: vminsert, or the balancer before several.',
      ),
      selectUrl: optionalUrl('Its vmselect, or the balancer before several.'),
      insertNodes: list(
        z.url({ protocol: /^https?$/, error: 'expected http or https URLs' }),
        '',
        'Each vminsert by itself: what one lost in a restart is sent again.',
      ),
      storageNodes: list(
        z.url({ protocol: /^https?$/, error: 'expected http or https URLs' }),
        '',
        'Each vmstorage by itself, port 8482: the same, and samples are made visible there.',
      ),
    }),
    username: optionalText('For HTTP Basic.'),
    password: secretText('For HTTP Basic.'),
    metricsAuthKey: secretText('What its `-metricsAuthKey` was set to.'),
    forceFlushAuthKey: secretText('What its `-forceFlushAuthKey` was set to.'),
    deleteAuthKey: secretText(
      'What its `-deleteAuthKey` was set to: for deleting a host with its series.',
    ),
    snapshotAuthKey: secretText('What its `-snapshotAuthKey` was set to: for `gaugeway backup`.'),
  });

const ingest = group({
  maxDecodedBytes: bytes('8MiB', 'Largest write request after decompression.'),
  maxSeriesPerRequest: integer(10_000, 'Most series in one write request.', { ...many, min: 1 }),
  maxInflightBytes: bytes(
    '64MiB',
    'Bytes of write requests in work at once, of one tenant half as many; more get 503.',
  ),
  maxInflightRequests: integer(2_048, 'Write requests in work at once; more get 503.', {
    ...many,
    min: 1,
  }),
  maxInflightPerTenant: integer(1_024, 'The same, of one tenant: a second of 5,000 agents.', {
    ...many,
    min: 1,
  }),
  timestampPast: duration('1h', 'How old a sample may be.'),
  timestampFuture: duration('5m', 'How far in the future a sample may be.'),
  whitelistFile: text('./rules/whitelist.yaml', 'The metric names that may pass.'),
  haLabels: group({
    cluster: text('cluster', 'Label that names a pair of identical senders.'),
    replica: text('__replica__', 'Label that tells the two apart; removed before storage.'),
    failover: duration(
      '30s',
      'Silence of the elected sender after which the other one takes over.',
    ),
  }),
  limits: group({
    samplesPerSecond: integer(
      200_000,
      "A tenant's rate when it has none of its own; 0: no limit.",
      many,
    ),
    burst: integer(2_000_000, 'Samples it may send at once above its rate.', many),
    maxActiveSeries: integer(1_000_000, 'Series it may have active; 0: no limit.', many),
    maxMetricNames: integer(10_000, 'Different metric names it may have; 0: no limit.', many),
    maxLabels: integer(30, 'Labels of one of its series, those set here included.', {
      min: 10,
      max: 30,
    }),
    maxLabelNameBytes: integer(256, 'Longest name of a label.', { min: 16, max: 256 }),
    maxLabelValueBytes: integer(1_024, 'Longest value of a label.', { min: 64, max: 1_024 }),
  }),
});

const forward = group({
  batchSamples: integer(1_000, 'Samples that fill a batch.', { min: 1, max: 1_000_000 }),
  batchDelay: duration('5ms', 'Longest wait for a batch to fill.'),
  queueBytes: bytes('32MiB', 'Accepted bytes that may wait for one VictoriaMetrics.'),
  shards: mapping('VictoriaMetrics for hosts by the value of a tag: `zone: URL`.'),
  shardTag: text('zone', 'The tag that chooses the shard.'),
  flushInterval: duration('1s', 'How often new samples are made visible to queries; 0s: never.'),
  journal: group({
    enabled: flag(
      true,
      'Keep accepted batches on disk until VictoriaMetrics has surely kept them.',
    ),
    dir: optionalText('Where; `journal` in the data directory when absent.'),
    maxBytes: bytes('2GiB', 'Most disk space.'),
    overflow: choice(['reject', 'drop_oldest'], 'reject', 'What happens when it is full.'),
    confirmAfter: duration(
      '30s',
      'Age at which VictoriaMetrics has surely written a batch to disk.',
    ),
    fsync: choice(['group', 'off'], 'group', 'Whether an answer waits for the disk.'),
  }),
});

const query = group({
  timeout: duration('30s', 'Longest query.'),
  maxPoints: integer(11_000, 'Most points of one series in a range query.', { ...many, min: 1 }),
  maxConcurrentPerTenant: integer(16, 'Queries of one tenant at once.', { ...many, min: 1 }),
  cacheTtl: duration('1s', 'How long an answer may be given again; 0s: never.'),
  cacheBytes: bytes('32MiB', 'Most memory for kept answers.'),
});

const alerts = group({
  interval: duration('30s', 'How often rules are evaluated whose group does not say.'),
  queryOffset: duration('0s', 'How far back rules look whose group does not say.'),
  repeatInterval: duration(
    '4h',
    'After this an alert that fires on is told again, unless acknowledged; 0s: never.',
  ),
  queryTimeout: duration('20s', 'Longest question of one rule.'),
  maxRows: integer(20_000, 'Most rows that one rule may come to; more are an error of the rule.', {
    ...many,
    min: 1,
  }),
  concurrency: integer(4, 'Questions of rules to VictoriaMetrics at once.', { min: 1, max: 1_000 }),
  leaseTtl: duration('5s', "After this without a sign of life a ruler's groups go to another."),
  outageTolerance: duration('5m', 'A longer time without evaluation does not count as held.'),
});

const notify = group({
  attempts: integer(3, 'Attempts to send a message before it is given up.', { min: 1, max: 20 }),
  backoff: duration(
    '2s',
    'Wait before the second attempt; four times as long before each later one.',
  ),
  groupWait: duration(
    '2s',
    'How long alerts of one rule are gathered for one message; critical ones do not wait.',
  ),
  timeout: duration('10s', 'Longest attempt.'),
  resendInterval: duration('1m', 'How often an Alertmanager is told again what fires on.'),
});

const observe = group({
  own: flag(true, "Store this process's own metrics for the tenant `default`."),
  interval: duration('15s', 'How often; at least 1s.'),
  instance: optionalText('Its label `instance`; `HOSTNAME:PORT` when absent.'),
});

const reports = group({
  lookInterval: duration('5s', 'How often workers look for reports that are due.'),
  keepReports: duration('90d', 'How long the files of weekly reports are kept.'),
  keepFiles: duration('2h', 'How long files made on demand are kept; links to them open for 1h.'),
  maxBytes: bytes('10GiB', 'Most disk space of all these files; the oldest ones go first.'),
  s3: group({
    endpoint: optionalUrl(
      'S3-compatible store of the files, addressed by path; the data directory is used when absent.',
    ),
    bucket: optionalText('Its bucket; a lifecycle rule removes what is old.'),
    region: text('us-east-1', 'Its region.'),
    accessKeyId: optionalText('Who writes there.'),
    secretAccessKey: secretText('The key that goes with it.'),
  }),
});

const live = group({
  maxClients: integer(5_000, 'Connections for live updates of one process.', { ...many, min: 1 }),
  maxClientsPerTenant: integer(2_000, 'Of them, those of one tenant.', { ...many, min: 1 }),
  maxRooms: integer(100, 'Rooms of one connection.', { min: 1, max: 10_000 }),
  interval: duration('5s', 'How often the figures of hosts that somebody watches are looked at.'),
  alertInterval: duration(
    '300ms',
    'How often changes of alerts that somebody watches are looked for.',
  ),
  maxWaiting: integer(1_000, 'Packets that may wait for a slow client before it is sent away.', {
    ...many,
    min: 10,
  }),
});

/** Requests a minute. */
const allowance = (value: number, what: string) =>
  integer(value, `${what} a minute; 0: no limit.`, many);

const rateLimits = group({
  viewer: group({ reads: allowance(60, 'Reads of a Viewer'), writes: allowance(30, 'Writes') }),
  operator: group({
    reads: allowance(60, 'Reads of an Operator'),
    writes: allowance(30, 'Acknowledgements, silences and other writes'),
  }),
  admin: group({ reads: allowance(60, 'Reads of an Admin'), writes: allowance(30, 'Writes') }),
  key: allowance(1_200, 'Requests with one API key outside the write path'),
  login: allowance(10, 'Attempts to log in, by account and by address'),
  address: allowance(
    120,
    'Requests of one address without a credential, refreshes of tokens among them',
  ),
});

const http = group({
  maxHeaderBytes: bytes('16KiB', 'Largest request header.'),
  restCacheTtl: duration(
    '3s',
    'How long answers of the REST API to reads are kept, 1s to 5s in a product; 0s: not at all.',
  ),
  maxBodyBytes: bytes('1MiB', 'Largest request body outside the write path.'),
  headersTimeout: duration('5s', 'Time for a client to send its headers.'),
  requestTimeout: duration('10s', 'Time for a client to send its whole request.'),
  trustedProxies: list(z.string(), '', 'Addresses (CIDR) whose X-Forwarded-For is believed.'),
});

/** Every key of the product. The file writes them in snake_case; the environment in capitals. */
export const configSchema = z.strictObject({
  listen: text('127.0.0.1:8080', 'Address and port.'),
  publicUrl: optionalUrl('How people reach this server; for links in messages.'),
  dataDir: text('./data', 'Everything that this server keeps on disk.'),
  rulesDir: text('./rules', 'Rule files.'),
  roles: list(
    z.enum(roleNames, { error: `expected some of ${roleNames.join(', ')}` }),
    'all',
    'What this process does: all, or some of gateway, api, ruler, worker.',
  ),
  localAgent: flag(true, 'With `gaugeway up`: also run an agent for this host.'),
  allowPrivateWebhooks: flag(false, 'Let webhooks reach private addresses.'),
  signingKey: secretText(
    'At least 32 bytes, base64url; made at the first start and kept in the data directory when absent. The same on all replicas.',
  ),
  database: group({
    url: secretText('A Postgres of your own; one is run as a managed child when absent.'),
    poolSize: integer(10, 'Most connections.', { min: 2, max: 1_000 }),
  }),
  victoria: group({ raw: victoria('raw'), '1m': victoria('1m'), '5m': victoria('5m') }),
  retention: group({
    raw: duration('7d', 'Samples as they came: 3d to 14d.'),
    '1m': duration('30d', 'One-minute aggregates: longer than raw samples, at most 30d.'),
    '5m': duration('60d', 'Five-minute aggregates: 30d to 90d, longer than those of a minute.'),
  }),
  downsample: group({
    interval: duration('1m', 'How often a worker looks for hours that are due.'),
    confirmAfter: duration(
      '30s',
      'Age at which a tier has surely written what it acknowledged to disk.',
    ),
  }),
  admin: group({
    email: text('admin@localhost', 'Of the first administrator; read at the first start only.'),
    password: secretText('Of the first administrator; made and shown once when absent.'),
  }),
  tls: group({
    cert: optionalText('Certificate chain file (PEM); HTTPS is spoken when both are set.'),
    key: optionalText('Private key file (PEM).'),
  }),
  smtp: group({
    url: secretText('Mail server, `smtps://user:password@host`.'),
    from: text('gaugeway@localhost', 'Sender of mails.'),
  }),
  ingest,
  forward,
  query,
  alerts,
  notify,
  observe,
  live,
  rateLimits,
  audit: group({
    retention: duration('90d', 'How long the audit log is kept.'),
    purgeInterval: duration('1h', 'How often what is older is removed, by one worker.'),
  }),
  purge: group({
    alerts: duration(
      '90d',
      'How long alerts that are over are kept, with their timeline and messages: 7d to 400d.',
    ),
    ended: duration(
      '30d',
      'How long keys and tokens that ended, and refusals of samples, are kept: 1d to 400d.',
    ),
    usage: duration('400d', 'How long the hours of what tenants used are kept: 32d to 1000d.'),
  }),
  reports,
  http,
  log: group({ level: choice(['debug', 'info', 'warn', 'error'], 'info', 'What is logged.') }),
});

/** What the schema makes of a file and an environment, secrets included: nothing outside `config/` sees it. */
export type RawConfig = z.output<typeof configSchema>;
