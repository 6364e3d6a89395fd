import type { Request } from 'express';
import { GaugewayError } from '../platform/index.ts';

/** Room for 64 selectors or one query of 8 KiB, percent-encoded. */
const maxFormBytes = 256 * 1024;

/**
 * A client's arguments as Go's `ParseForm` sees them: the form's first, then the URL's. The body is read here and
 * not by a parser in front, because frameworks fold repeated names into arrays and objects, and what a repeated
 * name means decides what reaches storage. Throws 400.
 */
export async function argumentsOf(req: Request): Promise<URLSearchParams> {
  const mark = req.originalUrl.indexOf('?');
  const url = new URLSearchParams(mark < 0 ? '' : req.originalUrl.slice(mark + 1));
  const isForm = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(
    req.headers['content-type'] ?? '',
  );
  if (req.method !== 'POST' || !isForm) return url;
  const form = new URLSearchParams(await textOf(req));
  for (const [name, value] of url) form.append(name, value);
  return form;
}

async function textOf(req: Request): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxFormBytes) {
      throw new GaugewayError('BAD_REQUEST', `the form is larger than ${maxFormBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
