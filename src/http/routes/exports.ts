import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { ranges } from '../../host-metrics/index.ts';
import type { Hosts } from '../../hosts/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import type {
  BlobStore,
  Exports,
  ExportQuestion,
  SignedLinks,
  TableRows,
} from '../../reports/index.ts';
import { bodyOf, found, isoTime, principalOf } from '../parse.ts';
import { absoluteUrl } from '../public-url.ts';
import type { Call, Route } from '../route.ts';
import { spanOf, timeText } from './span.ts';

export interface ExportRouteDeps {
  exports: Exports;
  hosts: Hosts;
  tables: Readonly<Record<'hosts' | 'alerts', (tenantId: string) => TableRows>>;
  links: SignedLinks;
  blobs: BlobStore;
  publicUrl: string | undefined;
}

const format = z.literal('csv');
const exportBody = z.union([
  z.strictObject({
    format,
    host_id: z.string().min(1).max(63),
    metric: z.string().min(1).max(200),
    range: z.enum(ranges).optional(),
    start: timeText.optional(),
    end: timeText.optional(),
    labels: z.record(z.string(), z.string().max(1_000)).default({}),
    resolution: z
      .enum(['auto', 'raw'])
      .default('auto')
      .describe('`raw`: as it was sent, whatever the range.'),
  }),
  z.strictObject({ format, table: z.enum(['hosts', 'alerts']) }),
]);
const exportAnswer = z.strictObject({
  download_url: z.url(),
  expires_at: z.iso.datetime(),
  bytes: z.int(),
});

/** On-demand exports, PRP §8.6, and the addresses at which they are fetched. */
export function exportRoutes(deps: ExportRouteDeps): Route[] {
  const { exports, links, blobs } = deps;
  return [
    {
      ...{ method: 'POST', needs: 'read', errors: 'envelope', path: '/api/v1/reports/export' },
      summary: 'A metric of a host, the hosts or the alerts as a CSV file',
      spec: { tag: 'Reports', body: exportBody, answers: { 200: exportAnswer } },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const question = await questionOf(call, deps);
        const { url, expiresAtMs, bytes } = await exports.make(tenantId, question);
        const answer: z.input<typeof exportAnswer> = {
          download_url: absoluteUrl(url, call, deps.publicUrl),
          ...{ expires_at: isoTime(expiresAtMs), bytes },
        };
        call.res.set('Cache-Control', 'no-store').json(answer);
      },
    },
    {
      // The signature is the credential: a link works in a mail and in a browser's download.
      ...{ method: 'GET', needs: 'public', errors: 'envelope', path: '/exports/:file' },
      summary: 'A file by its signed address',
      spec: {
        tag: 'Reports',
        answers: { 200: { media: 'text/csv', description: 'The file; also application/pdf.' } },
      },
      async handle({ req, res }) {
        const verdict = links.verify(req.originalUrl);
        if (!verdict.ok) {
          throw new GaugewayError('FORBIDDEN', linkRefusals[verdict.reason], {
            details: { reason: verdict.reason },
          });
        }
        const blob = await found('file', blobs.open(verdict.name));
        res.setHeader('Content-Type', mediaOf(verdict.name));
        res.setHeader('Content-Length', blob.bytes);
        res.setHeader('Content-Disposition', `attachment; filename="${verdict.fileName}"`);
        res.setHeader('Cache-Control', 'private, no-store');
        await pipeline(blob.stream, res);
      },
    },
  ];
}

const linkRefusals = {
  changed: 'This link is not one of ours',
  expired: 'This link has expired',
  suspended: 'This tenant is suspended',
} as const;

const mediaOf = (name: string): string =>
  name.endsWith('.pdf') ? 'application/pdf' : 'text/csv; charset=utf-8';

async function questionOf(call: Call, { hosts, tables }: ExportRouteDeps): Promise<ExportQuestion> {
  const { tenantId } = principalOf(call);
  const body = bodyOf(call.req, exportBody);
  if ('table' in body) {
    return { kind: 'table', name: body.table, rows: tables[body.table](tenantId) };
  }
  const span = spanOf(body);
  const host = await found('host', hosts.get(tenantId, body.host_id));
  return {
    ...{ kind: 'metric', hostId: host.id, hostname: host.hostname, metric: body.metric },
    ...{ labels: body.labels, span, isRaw: body.resolution === 'raw' },
  };
}
