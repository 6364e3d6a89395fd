import { join } from 'node:path';
import type { Incidents } from '../alert-desk/index.ts';
import type { HostSeries } from '../host-metrics/index.ts';
import type { Hosts, Overview } from '../hosts/index.ts';
import { exportRoutes, type Route } from '../http/index.ts';
import { GaugewayError, systemClock } from '../platform/index.ts';
import {
  createExports,
  createSignedLinks,
  tenantOfFile,
  type BlobStore,
  type Exports,
  type SignedLinks,
} from '../reports/index.ts';
import { createDirectoryBlobs, createS3Blobs } from '../storage/blobs/index.ts';
import type { Foundation } from './compose.ts';
import { alertRows, hostRows } from './export-tables.ts';

/** The store of files that the configuration names. */
export function blobsOf({ loaded }: Foundation): BlobStore {
  const { s3 } = loaded.config.reports;
  const { secretAccessKey } = loaded.secrets.s3;
  if (s3.endpoint === undefined)
    return createDirectoryBlobs(join(loaded.config.dataDir, 'exports'));
  const { endpoint, bucket, region, accessKeyId } = s3;
  if (bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
    throw new GaugewayError(
      'BAD_REQUEST',
      'reports.s3.endpoint needs reports.s3.bucket, accessKeyId and secretAccessKey beside it',
    );
  }
  return createS3Blobs({ endpoint, bucket, region, accessKeyId, secretAccessKey });
}

interface Rooms {
  blobs: BlobStore;
  hosts: Hosts;
  overview: Overview;
  series: HostSeries;
  incidents: Incidents;
  isServed: (tenantId: string) => boolean;
}

/** Files made on demand, and everything that is fetched by a signed address. */
export function startExports(
  foundation: Foundation,
  rooms: Rooms,
): { routes: Route[]; exports: Exports } {
  const { keyFor, loaded } = foundation;
  const clock = systemClock;
  const { blobs, hosts, series } = rooms;
  const links = servedLinks(
    createSignedLinks({ key: keyFor('export-link'), clock }),
    rooms.isServed,
  );
  const workDir = join(loaded.config.dataDir, 'exports', 'work');
  const exports = createExports({ series, blobs, links, workDir, clock });
  const { publicUrl } = loaded.config;
  const tables = {
    hosts: (tenantId: string) => hostRows(rooms.overview, tenantId),
    alerts: (tenantId: string) => alertRows(rooms.incidents, tenantId),
  };
  return { exports, routes: exportRoutes({ exports, hosts, tables, links, blobs, publicUrl }) };
}

/** An address of a tenant that is not served opens nothing. */
function servedLinks(links: SignedLinks, isServed: (tenantId: string) => boolean): SignedLinks {
  return {
    ...links,
    verify(pathAndQuery) {
      const verdict = links.verify(pathAndQuery);
      const tenantId = verdict.ok ? tenantOfFile(verdict.name) : undefined;
      const isResting = tenantId !== undefined && !isServed(tenantId);
      return isResting ? { ok: false, reason: 'suspended' } : verdict;
    },
  };
}
