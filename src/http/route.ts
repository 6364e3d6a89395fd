import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Action, Principal } from '../access/index.ts';
import type { Logger } from '../platform/index.ts';

/** One request on its way to a room. */
export interface Call {
  req: Request;
  res: Response;
  /** Always set on routes that are not public. */
  principal: Principal | undefined;
  requestId: string;
  log: Logger;
}

/** One row of the endpoint table: everything that a reviewer of access and errors must see. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Express 5 path, e.g. `/api/v1/keys/:id`. */
  path: string;
  needs: Action | 'public';
  /** Which error body the endpoint answers with: the product's envelope, Prometheus's, or Alertmanager's JSON string. */
  errors: 'envelope' | 'prometheus' | 'alertmanager';
  summary: string;
  /** What the OpenAPI document says of it. */
  spec: RouteSpec;
  /** Whose allowance a request spends; by the method where it is not said: GET reads, everything else writes. */
  budget?: 'read' | 'write' | 'none';
  /** Whose rows it may see: those of the caller's tenant where it is not said, or of all, for the operator's own routes. */
  sees?: 'all';
  /** The body: JSON where it is not said, or text/csv. */
  takes?: 'csv';
  handle: (call: Call) => void | Promise<void>;
}

/** A route's shapes: the very schemas that judge its requests, and those of its successful answers. */
export interface RouteSpec {
  /** The group in the document. */
  tag: string;
  query?: z.ZodType;
  body?: z.ZodType;
  /** By status; errors have one shape everywhere and are not told again. */
  answers: Readonly<Record<number, z.ZodType | MediaAnswer | 'empty'>>;
  /** Statuses of refusals that its credential, path and method do not tell already. */
  refuses?: readonly (401 | 404 | 409 | 429)[];
  /** Headers of its answers that other routes do not have. */
  says?: readonly 'X-Gaugeway-Resolution'[];
}

/** An answer that is no JSON. */
export interface MediaAnswer {
  /** e.g. `text/csv`. */
  media: string;
  description: string;
}
