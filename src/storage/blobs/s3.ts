import { AwsClient } from 'aws4fetch';
import { openAsBlob } from 'node:fs';
import { Readable } from 'node:stream';
import { GaugewayError, messageOf } from '../../platform/index.ts';
import type { BlobStore } from '../../reports/index.ts';

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

  async function ask(name: string, init: RequestInit): Promise<Response> {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      return await client.fetch(urlOf(name).href, { ...init, signal });
    } catch (error) {
      throw unavailable(messageOf(error));
    }
  }

  return {
    async put(name, path, contentType) {
      const body = await openAsBlob(path, { type: contentType });
      const answer = await ask(name, {
        method: 'PUT',
        body,
        headers: { 'content-type': contentType },
      });
      await answer.arrayBuffer();
      if (!answer.ok) throw unavailable(`it answered ${answer.status}`);
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
  };
}

function unavailable(why: string): GaugewayError {
  return new GaugewayError('UNAVAILABLE', `the store of files did not take part: ${why}`, {
    details: { part: 'exports' },
    retryAfterSeconds: 5,
  });
}
