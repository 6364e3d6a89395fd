import type { Incidents, StoredIncident } from '../alert-desk/index.ts';
import { trackedMetrics } from '../host-metrics/index.ts';
import type { HostView, Overview } from '../hosts/index.ts';
import type { TableRows } from '../reports/index.ts';

const pageSize = 500;

/** The inventory with its status and newest figures. */
export function hostRows(overview: Overview, tenantId: string): TableRows {
  async function* rows() {
    for (let offset = 0; ; offset += pageSize) {
      const { items } = await overview.list(tenantId, {}, { limit: pageSize, offset });
      yield* items.map(hostRow);
      if (items.length < pageSize) return;
    }
  }
  const columns = [
    ...['id', 'hostname', 'ips', 'tags', 'status', 'status_reason', 'agent_version'],
    'last_seen_at',
    ...trackedMetrics,
  ];
  return { columns, rows: rows() };
}

/** Alert events, newest first. */
export function alertRows(incidents: Incidents, tenantId: string): TableRows {
  async function* rows() {
    for (let offset = 0; ; offset += pageSize) {
      const page = { limit: pageSize, offset };
      const { items } = await incidents.list(tenantId, { matchers: [] }, page);
      yield* items.map((incident) => alertRow(incident, incidents.stateOf(incident)));
      if (items.length < pageSize) return;
    }
  }
  const columns = [
    ...['id', 'rule', 'host_id', 'severity', 'state', 'started_at', 'ended_at'],
    ...['acknowledged_by', 'summary'],
  ];
  return { columns, rows: rows() };
}

const tagsText = (tags: Readonly<Record<string, string>>): string =>
  Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join(';');

const timeText = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? '' : new Date(ms).toISOString();

function hostRow({ host, status, reason, figures }: HostView) {
  const percent = trackedMetrics.map((metric) => figures?.tracked[metric] ?? null);
  return [
    ...[host.id, host.hostname, host.ips.join(' '), tagsText(host.tags), status],
    ...[reason?.code ?? '', host.agentVersion ?? '', timeText(host.lastSeenAtMs)],
    ...percent,
  ];
}

function alertRow(incident: StoredIncident, state: string) {
  const { episode, annotations } = incident;
  return [
    ...[incident.id, incident.ruleName, incident.hostId ?? '', incident.severity, state],
    ...[timeText(episode.openedAtMs), timeText(episode.closedAtMs)],
    ...[episode.acknowledgement?.by ?? '', annotations['summary'] ?? ''],
  ];
}
