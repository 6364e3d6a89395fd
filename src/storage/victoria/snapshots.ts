import { GaugewayError, messageOf } from '../../platform/index.ts';
import type { VictoriaClient } from './client.ts';

/** Snapshots of one single-node VictoriaMetrics (VictoriaMetrics docs, "How to work with snapshots"). */
export interface Snapshots {
  /** Everything that it had acknowledged, on its disk: the name, below `snapshots` of its storage path. */
  create(): Promise<string>;
  remove(name: string): Promise<void>;
}

/** Making one writes out what is in memory, and links every part. */
const timeoutMs = 300_000;

export function createSnapshots(client: VictoriaClient): Snapshots {
  async function ask(
    path: string,
    query: Record<string, string>,
  ): Promise<Record<string, unknown>> {
    const key = client.target.authKeys?.snapshot;
    const all = new URLSearchParams({ ...query, ...(key === undefined ? {} : { authKey: key }) });
    const answer = await client
      .request({ method: 'GET', path, query: all, timeoutMs })
      .catch((error: unknown) => {
        throw unavailable(client, messageOf(error));
      });
    if (answer.status !== 200) throw unavailable(client, `it answered ${answer.status}`);
    const said = parse(answer.body.toString('utf8'));
    if (said['status'] !== 'ok')
      throw unavailable(client, JSON.stringify(said['msg'] ?? 'no snapshot'));
    return said;
  }

  return {
    async create() {
      const { snapshot } = await ask('/snapshot/create', {});
      // It becomes part of a path.
      if (typeof snapshot === 'string' && /^[\w-]+$/.test(snapshot)) return snapshot;
      throw unavailable(client, 'it named no snapshot');
    },
    async remove(name) {
      await ask('/snapshot/delete', { snapshot: name });
    },
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function unavailable({ target }: VictoriaClient, why: string): GaugewayError {
  return new GaugewayError('UNAVAILABLE', `${target.baseUrl} made no snapshot: ${why}`, {
    details: { part: 'storage' },
  });
}
