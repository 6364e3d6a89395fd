import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { InstallKit, ServedFile } from '../../install/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { paramOf } from '../parse.ts';
import type { Route } from '../route.ts';
import { textAnswer } from '../schemas/foreign.ts';

interface InstallRouteDeps {
  kit: InstallKit;
  /** How hosts reach this server; without it, as the one that asks has reached it. */
  publicUrl: URL | undefined;
}

/** Files out at once: they are public, and one of them has some 40 MB. */
const maxDownloads = 16;

/** What puts the agent onto a host. Public: the host has no credential yet, and nothing of it is secret. */
export function installRoutes({ kit, publicUrl }: InstallRouteDeps): Route[] {
  const row = { method: 'GET', needs: 'public', errors: 'envelope', budget: 'none' } as const;
  let downloads = 0;
  return [
    {
      ...{ ...row, path: '/install.sh', summary: 'Shell script that installs the agent' },
      spec: {
        tag: 'Agents',
        answers: { 200: textAnswer('text/x-shellscript', 'The script, with this address in it.') },
      },
      async handle({ req, res }) {
        const script = await kit.script(publicUrl ?? addressedAs(req));
        if (script === undefined) throw notThere();
        res.setHeader('Cache-Control', 'no-store');
        res.type('text/x-shellscript').send(script);
      },
    },
    {
      ...{ ...row, path: '/install/:file', summary: 'A file of the agent, or SHA256SUMS' },
      spec: {
        tag: 'Agents',
        answers: { 200: textAnswer('application/octet-stream', 'The file.'), 304: 'empty' },
      },
      async handle({ req, res }) {
        const name = paramOf(req, 'file');
        if (name === 'SHA256SUMS') {
          res.setHeader('Cache-Control', 'no-cache');
          res.type('text/plain').send(await kit.checksums());
          return;
        }
        if (downloads >= maxDownloads) {
          throw new GaugewayError('UNAVAILABLE', 'Many hosts are downloading', {
            retryAfterSeconds: 5,
          });
        }
        downloads += 1;
        try {
          await send(req, res, await fileOf(kit, name));
        } finally {
          downloads -= 1;
        }
      },
    },
  ];
}

async function fileOf(kit: InstallKit, name: string): Promise<ServedFile> {
  const file = await kit.find(name).catch((error: unknown) => {
    throw new GaugewayError('UNAVAILABLE', 'The runtime cannot be packed on this server', {
      cause: error,
    });
  });
  if (!file) throw notThere();
  return file;
}

const notThere = () => new GaugewayError('NOT_FOUND', 'This server has no such file to install');

async function send(req: Request, res: Response, file: ServedFile): Promise<void> {
  const etag = `"${file.sha256}"`;
  res.setHeader('ETag', etag);
  res.setHeader('Cache-Control', 'no-cache');
  if (req.get('if-none-match') === etag) {
    res.status(304).end();
    return;
  }
  res.setHeader('Content-Type', file.type);
  res.setHeader('Content-Length', file.bytes);
  if (req.method === 'HEAD') {
    res.end();
    return;
  }
  // A client that hangs up is no fault of ours, and there is nobody left to tell.
  await pipeline(createReadStream(file.path), res).catch(() => res.destroy());
}

/** Becomes part of a script that runs as root: nothing but a host and a port gets through. */
const hostAndPort =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

function addressedAs(req: Request): URL {
  // Express types it as always there; a request of HTTP 1.0 may have none.
  const host = (req.host as string | undefined) ?? '';
  const address = `${req.protocol}://${host}`;
  if (hostAndPort.test(host) && URL.canParse(address)) return new URL(address);
  throw new GaugewayError('BAD_REQUEST', 'The Host header is not a name or address with a port');
}
