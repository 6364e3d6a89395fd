import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { unreachable } from './refusal.ts';

export interface Outgoing {
  method: string;
  headers: Readonly<Record<string, string | number>>;
  content?: string | undefined;
}

/** HTTP and HTTPS to a server; what keeps an answer from coming is told as such. */
export interface Transport {
  open(at: URL, outgoing: Outgoing): Promise<IncomingMessage>;
  /** The whole of a body as text. */
  textOf(at: URL, message: IncomingMessage): Promise<string>;
  close(): void;
}

interface Deps {
  /** PEM of an authority to trust besides the usual ones. */
  ca: string | undefined;
  /** Longest time without a sign of life; a long file may take longer. */
  timeoutMs: number;
}

export function createTransport({ ca, timeoutMs }: Deps): Transport {
  const trust = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  const agents = {
    'http:': new HttpAgent({ keepAlive: true }),
    'https:': new HttpsAgent({ keepAlive: true, ...trust }),
  };
  const late = (): Error => Object.assign(new Error('late'), { code: 'ETIMEDOUT' });

  return {
    async open(at, { content, ...options }) {
      const isTls = at.protocol === 'https:';
      const request = isTls ? httpsRequest : httpRequest;
      const agent = agents[isTls ? 'https:' : 'http:'];
      try {
        return await new Promise((resolve, reject) => {
          const outgoing = request(at, { ...options, agent }, resolve);
          outgoing.on('error', reject);
          outgoing.setTimeout(timeoutMs, () => outgoing.destroy(late()));
          outgoing.end(content);
        });
      } catch (error) {
        throw unreachable(at.origin, error, timeoutMs);
      }
    },
    async textOf(at, message) {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of message) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks).toString('utf8');
      } catch (error) {
        throw unreachable(at.origin, error, timeoutMs);
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}
