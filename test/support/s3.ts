import { AwsV4Signer } from 'aws4fetch';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Stage } from './stage.ts';

export interface S3Stub {
  endpoint: string;
  objects: Map<string, { body: Buffer; contentType: string }>;
}

export const s3Keys = { accessKeyId: 'stub-id', secretAccessKey: 'stub-secret' };

/**
 * In the place of an S3-compatible store, of which Debian has none: keeps objects, and checks every signature by making
 * it anew (AWS Signature Version 4); what does not match is 403, also without a signature.
 */
export async function startS3(stage: Stage): Promise<S3Stub> {
  const objects: S3Stub['objects'] = new Map();
  const server = createServer((req, res) => void answer(req, res, objects));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${String(port)}`, objects };
}

async function answer(req: IncomingMessage, res: ServerResponse, objects: S3Stub['objects']) {
  const body = await buffer(req);
  const url = new URL(req.url ?? '/', `http://${req.headers.host ?? ''}`);
  if (!(await isSigned(req, url))) {
    res.writeHead(403).end();
  } else if (req.method === 'PUT') {
    objects.set(url.pathname, { body, contentType: req.headers['content-type'] ?? '' });
    res.writeHead(200).end();
  } else {
    const found = objects.get(url.pathname);
    const disposition = url.searchParams.get('response-content-disposition');
    res.writeHead(found ? 200 : 404, {
      'content-type': found?.contentType ?? 'text/plain',
      ...(disposition ? { 'content-disposition': disposition } : {}),
    });
    res.end(found?.body);
  }
}

async function isSigned(req: IncomingMessage, url: URL): Promise<boolean> {
  const query = url.searchParams;
  const byQuery = query.get('X-Amz-Signature');
  const common = { ...s3Keys, region: 'us-east-1', service: 's3', method: req.method ?? 'GET' };
  if (byQuery !== null) {
    const plain = new URL(url);
    for (const name of [...query.keys()].filter((key) => /^X-Amz-(?!Expires)/.test(key))) {
      plain.searchParams.delete(name);
    }
    const datetime = query.get('X-Amz-Date') ?? '';
    const signer = new AwsV4Signer({ ...common, url: plain.href, datetime, signQuery: true });
    const made = (await signer.sign()).url.searchParams.get('X-Amz-Signature');
    return made === byQuery;
  }
  const given = req.headers.authorization;
  if (given === undefined) return false;
  const signed = /SignedHeaders=([\w;-]+)/.exec(given)?.[1]?.split(';') ?? [];
  const headers = Object.fromEntries(
    signed
      .filter((name) => name !== 'host' && name !== 'x-amz-date')
      .map((name) => [name, String(req.headers[name])]),
  );
  const datetime = String(req.headers['x-amz-date']);
  const signer = new AwsV4Signer({ ...common, url: url.href, headers, datetime });
  return (await signer.sign()).headers.get('authorization') === given;
}
