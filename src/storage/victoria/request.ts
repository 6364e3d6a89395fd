/** The number of the account in which a cluster keeps a tenant's samples. */
export type AccountOf = (tenantId: string) => Promise<number>;

/** Where the parts of a VictoriaMetrics cluster answer; base URLs without a trailing slash. */
export interface VictoriaCluster {
  /** vminsert, or the balancer before several. */
  insertUrl: string;
  /** vmselect, or the balancer before several. */
  selectUrl: string;
  /** Each vminsert by itself, port 8480: its restart loses what it had not passed on. */
  insertNodes: readonly string[];
  /** Each vmstorage by itself, port 8482: its restart loses its last seconds, and it alone can be told to flush. */
  storageNodes: readonly string[];
  /** Absent until the database is open; only requests about tenants need it. */
  accountOf?: AccountOf;
}

/** Where one VictoriaMetrics answers and what it wants to see. */
export interface VictoriaTarget {
  /** Base URL without a trailing slash, e.g. `http://127.0.0.1:8428`. */
  baseUrl: string;
  username?: string;
  password?: string;
  /** The `authKey` argument of each locked path, by the flag's name without `AuthKey`. */
  authKeys?: Readonly<Partial<Record<'metrics' | 'forceFlush' | 'snapshot' | 'delete', string>>>;
  /** A cluster instead of a single one; then `baseUrl` is that of vmselect. */
  cluster?: VictoriaCluster;
}

export interface VictoriaRequest {
  method: 'GET' | 'POST';
  /** Path below the base URL, already encoded. */
  path: string;
  /** Whose samples the request is about: in a cluster each tenant has an account, which is part of the path. */
  tenantId?: string | undefined;
  query?: URLSearchParams;
  headers?: Readonly<Record<string, string>>;
  body?: Buffer | string;
  timeoutMs: number;
  signal?: AbortSignal;
}

export interface VictoriaAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

export interface VictoriaStream {
  status: number;
  /** To be read to its end, or left: then the connection ends. */
  body: AsyncIterable<Buffer>;
}

/** HTTP to one VictoriaMetrics, or to a cluster as if it were one; every path and argument is the caller's, nothing of a client's request passes by itself. */
export interface VictoriaClient {
  readonly target: VictoriaTarget;
  /** Of a cluster: who takes samples, and those whose restart may lose some. */
  readonly members?: { insert: VictoriaClient; nodes: readonly VictoriaClient[] };
  request(request: VictoriaRequest): Promise<VictoriaAnswer>;
  /** The answer as it comes; `timeoutMs` is the longest wait for its next bytes. */
  stream(request: VictoriaRequest): Promise<VictoriaStream>;
  /** Called whenever a connection to the server ends; a restart of the server shows here first. */
  onDisconnect(listener: () => void): void;
  close(): Promise<void>;
}
