import type { Request, Response } from 'express';
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
  handle: (call: Call) => void | Promise<void>;
}
