interface Example {
  request?: unknown;
  response?: unknown;
}

const host = {
  ...{ id: 'host-001', hostname: 'web-01.example.com', ips: ['10.0.1.5'] },
  ...{ tags: { role: 'web', zone: 'us-west' }, status: 'warn' },
  status_reason: {
    ...{ code: 'above_70_percent', message: 'cpu.utilization is at 85.2 %' },
    ...{ metric: 'cpu.utilization', value: 85.2 },
  },
  ...{ has_gpu: false, agent_version: '1.0.2', created_at: '2025-11-01T00:00:00.000Z' },
  last_seen_at: '2025-11-13T08:50:00.000Z',
  metrics_summary: {
    ...{ cpu_pct: 85.2, mem_pct: 72.1, gpu_pct: null, disk_pct: 45.3 },
    ...{ net_tx_mbps: 120.5, net_rx_mbps: 80.1 },
  },
};
const points = [
  { ts: '2025-11-13T08:00:00Z', value: 45.2 },
  { ts: '2025-11-13T08:01:00Z', value: 47.8 },
];

/** PRP §8, by `METHOD /path`. */
export const examples: Readonly<Record<string, Example>> = {
  'POST /api/v1/auth/login': { request: { email: 'alice@example.com', password: '***' } },
  'POST /api/v1/auth/logout': { response: { status: 'ok' } },
  'GET /api/v1/hosts': { response: { hosts: [host], total: 150, limit: 50, offset: 0 } },
  'GET /api/v1/hosts/:id': {
    response: {
      ...{ host, metrics: { 'cpu.utilization': points, 'mem.used_pct': [] } },
      ...{ range: '6h', resolution: '1m' },
    },
  },
  'POST /api/v1/hosts': {
    request: {
      ...{ hostname: 'db-02.example.com', ips: ['10.0.2.10'] },
      tags: { role: 'db', zone: 'us-east' },
    },
    response: { id: 'host-002', status: 'created' },
  },
  'DELETE /api/v1/hosts/:id': {
    response: { status: 'deleted', series: 'kept', keys_revoked: 1 },
  },
  'GET /api/v1/metrics/query': {
    response: {
      ...{ metric: 'cpu.utilization', host_id: 'host-001', unit: '%', datapoints: points },
      ...{ resolution: '1m', aggregate: 'avg', combined: 'max' },
    },
  },
  'GET /api/v1/processes/top': {
    response: {
      processes: [
        {
          ...{ pid: 1234, name: 'python3', cpu_pct: 95.2, mem_mb: 512 },
          ...{ gpu_mem_mb: 2048, gpu_index: 0 },
        },
      ],
      ...{ host_id: 'host-001', as_of: '2025-11-13T08:50:00.000Z' },
    },
  },
  'POST /api/v1/alerts/rules': {
    request: {
      ...{ name: 'GPU Saturated', expression: 'gpu.utilization > 85', duration: '5m' },
      ...{ scope: { tags: { gpu: 'true' } }, channels: ['webhook:https://hooks.slack.com/...'] },
    },
    response: { id: 'rule-002', status: 'created', version: 1 },
  },
  'DELETE /api/v1/alerts/rules/:id': { response: { status: 'deleted' } },
  'POST /api/v1/alerts/events/:id/acknowledge': { request: { user: 'alice@example.com' } },
  'POST /api/v1/reports/export': {
    request: { format: 'csv', host_id: 'host-001', metric: 'cpu.utilization', range: '24h' },
    response: {
      download_url: 'https://storage.example.com/exports/cpu-001.csv?sig=...',
      ...{ expires_at: '2025-11-13T09:50:00.000Z', bytes: 50_123 },
    },
  },
  'POST /api/v1/ingest/metrics': {
    request: {
      host_id: 'host-001',
      metrics: [
        { metric: 'cpu.utilization', ts: '2025-11-13T08:50:00Z', value: 85.2 },
        { metric: 'mem.used_pct', ts: '2025-11-13T08:50:00Z', value: 72.1 },
      ],
    },
    response: { accepted: 2, rejected: 0 },
  },
  'GET /health': { response: { status: 'ok' } },
  'GET /ready': { response: { status: 'ready', db: 'ok', cache: 'ok' } },
};
