import { flag, integer, list, object, text } from './spec-words.js';
import type { Spec } from './spec.js';

/** Where and how the HTTP gateway of `anthill/http` listens. What stands here wins over `HttpGatewayModule.forRoot`. @public */
export interface HttpSection {
  /** 0: any free one. @default 8080 */
  port?: number;
  /** Address to listen on. @default '0.0.0.0' */
  host?: string;
  /** Largest body of a request, in bytes; more is answered 413. @default 1048576 */
  bodyBytes?: number;
  /** Deadline of the calls that requests make, in milliseconds. @default the app's (10000) */
  timeoutMs?: number;
  /** A request must have come in completely by then, in milliseconds. @default 30000 */
  requestTimeoutMs?: number;
  /** A connection without a request is closed after this, in milliseconds. @default 65000 */
  keepAliveMs?: number;
  /** Addresses and networks (`10.0.0.0/8`) whose `X-Forwarded-*` are believed. @default none */
  trustedProxies?: readonly string[];
  /** Requests at work at the same time; more are answered 503. @default 10000 */
  inFlight?: number;
  /** Serve `/openapi.json` and `/docs`. @default false */
  openapi?: boolean;
}

/** The section `http`. No defaults here: they are the module's, which code can change. */
export const httpSpec = object('The HTTP gateway, where HttpGatewayModule is imported; what is said here wins over forRoot.', {
  port: integer('Port to listen on; 0: any free one. Without it 8080.', 0, { max: 65_535 }),
  host: text('Address to listen on. Without it all, "0.0.0.0".'),
  bodyBytes: integer('Largest body of a request; more is answered 413. Without it 1048576.', 1),
  timeoutMs: integer('Deadline of the calls that requests make, in milliseconds. Without it the app\'s.', 1),
  requestTimeoutMs: integer('A request must have come in completely by then, in milliseconds. Without it 30000.', 1),
  keepAliveMs: integer('A connection without a request is closed after so many milliseconds. Without it 65000.', 1),
  trustedProxies: list('Addresses and networks (10.0.0.0/8) whose X-Forwarded-* are believed. Without it nobody\'s.'),
  inFlight: integer('Requests at work at the same time; more are answered 503. Without it 10000.', 1),
  openapi: flag('Serve /openapi.json and /docs.'),
} satisfies Record<keyof HttpSection, Spec>);
