import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { spanMs, type HostSeries, type Span } from '../host-metrics/index.ts';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type { BlobStore } from './blob-store.ts';
import { csvText, type CsvValue } from './csv.ts';
import type { SignedLinks } from './signed-links.ts';

/** Rows of a table of the product, a page at a time. */
export interface TableRows {
  columns: readonly string[];
  rows: AsyncIterable<readonly CsvValue[]>;
}

export type ExportQuestion =
  | {
      kind: 'metric';
      hostId: string;
      hostname: string;
      metric: string;
      labels: Readonly<Record<string, string>>;
      span: Span;
      /** As it was sent, instead of the resolution of the span. */
      isRaw: boolean;
    }
  | { kind: 'table'; name: 'hosts' | 'alerts'; rows: TableRows };

export interface Exported {
  /** Below this server's address, or a whole address of the store. */
  url: string;
  expiresAtMs: number;
  bytes: number;
}

/** Files made on demand (PRP §8.6). */
export interface Exports {
  /** Throws RATE_LIMIT_EXCEEDED where too many are being made, BAD_REQUEST for an unknown metric. */
  make(tenantId: string, question: ExportQuestion): Promise<Exported>;
  /** The address of a file that is in the store already. */
  link(name: string, fileName: string): Promise<{ url: string; expiresAtMs: number }>;
}

interface Deps {
  series: HostSeries;
  blobs: BlobStore;
  links: SignedLinks;
  /** Where files grow before the store takes them. */
  workDir: string;
  clock: Clock;
}

/** PRP REQ-EXPORT-003. */
const linkTtlSeconds = 3_600;
/** At once, in this process: an export is a stream of questions to storage. */
const mostAtOnce = 4;
/** So that one tenant leaves room for the others. */
const mostOfTenant = 2;
/** A span of this length is answered as it was sent. */
const rawSliceMs = 3_600_000;

export function createExports(deps: Deps): Exports {
  const { blobs, links, clock, workDir } = deps;
  const running: string[] = [];

  async function link(name: string, fileName: string) {
    const expiresAtMs = clock.nowMs() + linkTtlSeconds * 1_000;
    const own = await blobs.address(name, { fileName, ttlSeconds: linkTtlSeconds });
    return { url: own ?? links.sign(name, fileName, expiresAtMs), expiresAtMs };
  }

  return {
    link,
    async make(tenantId, question) {
      const own = running.filter((one) => one === tenantId).length;
      if (running.length >= mostAtOnce || own >= mostOfTenant) {
        throw new GaugewayError('RATE_LIMIT_EXCEEDED', 'too many exports are being made', {
          retryAfterSeconds: 2,
        });
      }
      running.push(tenantId);
      // The tenant in it: with the tenant its files go, and its links open nothing while it is suspended.
      const name = `export-${tenantId}.${randomUUID()}.csv`;
      const path = join(workDir, name);
      try {
        await mkdir(workDir, { recursive: true, mode: 0o700 });
        const file = createWriteStream(path, { mode: 0o600 });
        const { columns, rows } = tableOf(deps, tenantId, question);
        await pipeline(csvText(columns, rows), file);
        await blobs.put(name, path, 'text/csv; charset=utf-8');
        return {
          ...(await link(name, fileNameOf(question, clock.nowMs()))),
          bytes: file.bytesWritten,
        };
      } finally {
        running.splice(running.indexOf(tenantId), 1);
        await rm(path, { force: true });
      }
    },
  };
}

function tableOf(deps: Deps, tenantId: string, question: ExportQuestion): TableRows {
  if (question.kind === 'table') return question.rows;
  return {
    columns: ['timestamp', 'host_id', 'hostname', 'metric', 'value', 'unit'],
    rows: metricRows(deps, tenantId, question),
  };
}

async function* metricRows(
  { series, clock }: Deps,
  tenantId: string,
  question: ExportQuestion & { kind: 'metric' },
): AsyncGenerator<readonly CsvValue[]> {
  const { hostId, hostname, metric, labels } = question;
  for (const span of slicesOf(question, clock.nowMs())) {
    const told = await series.metric(tenantId, hostId, { metric, span, labels });
    for (const [atMs, value] of told.points) {
      const number = Number.isFinite(value) ? value : String(value);
      yield [new Date(atMs).toISOString(), hostId, hostname, metric, number, told.unit];
    }
  }
}

function* slicesOf(
  { span, isRaw }: { span: Span; isRaw: boolean },
  nowMs: number,
): Generator<Span> {
  if (!isRaw) {
    yield span;
    return;
  }
  // Judged whole: each slice of a span without end is short.
  const [startMs, endMs] = spanMs(span, nowMs);
  for (let atMs = startMs; atMs < endMs; atMs += rawSliceMs) {
    yield { startMs: atMs, endMs: Math.min(endMs, atMs + rawSliceMs) };
  }
}

/** `cpu.utilization-web-1-20251113T0850.csv`, of letters that no file system minds. */
function fileNameOf(question: ExportQuestion, nowMs: number): string {
  const at = new Date(nowMs).toISOString().slice(0, 16).replaceAll(/[-:]/g, '');
  const what = question.kind === 'table' ? question.name : `${question.metric}-${question.hostId}`;
  return `${what.replaceAll(/[^A-Za-z0-9._-]+/g, '_').slice(0, 100)}-${at}.csv`;
}
