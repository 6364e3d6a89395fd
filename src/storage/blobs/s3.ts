import { AwsClient } from 'aws4fetch';
import { openAsBlob } from 'node:fs';
import { Readable } from 'node:stream';
import { GaugewayError, messageOf } from '../../platform/index.ts';
import type { BlobStore } from '../../reports/index.ts';
import { prefixesOf } from './directory.ts';

export interface S3Config {
  /** With the bucket's name as first part of the path where it is not part of the host. */
  endpoint: string;
  bucket: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

const timeoutMs = 60_000;

/** Files in a bucket (path style), handed out by the store itself through presigned addresses. */
export function createS3Blobs(config: S3Config): BlobStore {
  const { accessKeyId, secretAccessKey, region } = config;
  const client = new AwsClient({
    ...{ accessKeyId, secretAccessKey, region },
    ...{ service: 's3', retries: 2 },
  });
  const urlOf = (name: string): URL =>
    new URL(`${config.endpoint.replace(/\/+$/, '')}/${config.bucket}/${encodeURIComponent(name)}`);

  async function ask(name: string, init: RequestInit, query = ''): Promise<Response> {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      return await client.fetch(urlOf(name).href + query, { ...init, signal });
    } catch (error) {
      throw unavailable(messageOf(error));
    }
  }

  async function answerOf(name: string, init: RequestInit, query?: string): Promise<string> {
    const answer = await ask(name, init, query);
    const text = await answer.text();
    if (!answer.ok) throw unavailable(`it answered ${answer.status}`);
    return text;
  }

  return {
    async put(name, path, contentType) {
      const body = await openAsBlob(path, { type: contentType });
      await answerOf(name, { method: 'PUT', body, headers: { 'content-type': contentType } });
    },
    async open(name) {
      const answer = await ask(name, { method: 'GET' });
      if (answer.status === 404) return undefined;
      if (!answer.ok || !answer.body) throw unavailable(`it answered ${answer.status}`);
      const bytes = Number(answer.headers.get('content-length') ?? 0);
      return { stream: Readable.fromWeb(answer.body), bytes };
    },
    async address(name, { fileName, ttlSeconds }) {
      const url = urlOf(name);
      url.searchParams.set('X-Amz-Expires', String(ttlSeconds));
      const disposition = `attachment; filename="${fileName}"`;
      url.searchParams.set('response-content-disposition', disposition);
      const signed = await client.sign(url.href, { method: 'GET', aws: { signQuery: true } });
      return signed.url;
    },
    purge: () => Promise.resolve(0),
    trim: () => Promise.resolve(0),
    async removeOf(tenantId) {
      let removed = 0;
      for (const prefix of prefixesOf(tenantId)) {
        for await (const name of namesFrom(prefix, (query) =>
          answerOf('', { method: 'GET' }, query),
        )) {
          await answerOf(name, { method: 'DELETE' });
          removed += 1;
        }
      }
      return removed;
    },
  };
}

/** All names that begin so, a thousand at a time (S3 API, ListObjectsV2). */
async function* namesFrom(
  prefix: string,
  list: (query: string) => Promise<string>,
): AsyncIterable<string> {
  for (let last = ''; ;) {
    const query = new URLSearchParams({ 'list-type': '2', prefix, 'start-after': last });
    const text = await list(`?${query.toString()}`);
    const names = [...text.matchAll(/<Key>([\w.-]+)<\/Key>/g)].flatMap(([, name]) => name ?? []);
    yield* names;
    const end = names.at(-1);
    if (end === undefined || !text.includes('<IsTruncated>true')) return;
    last = end;
  }
}

function unavailable(why: string): GaugewayError {
  return new GaugewayError('UNAVAILABLE', `the store of files did not take part: ${why}`, {
    details: { part: 'exports' },
    retryAfterSeconds: 5,
  });
}
