import { BootError } from '../../common/boot-error.js';
import { didYouMean } from '../../common/did-you-mean.js';
import type { SelectOptions } from '../../common/selection.js';
import type { GrpcProto, ProtoOptions } from '../proto-source.js';
import type { GrpcClientTls } from './client-tls.js';
import type { HrpcCallOptions } from './hrpc-call.js';

/** Options of one call over gRPC. @public */
export interface GrpcCallOptions extends SelectOptions {
  /**
   * Milliseconds until the caller gives up; of a streaming call: until its end. `Infinity` for streams without an end. Inside a handler never more than is left
   * of its own. @default the client's, then the app's (10000)
   */
  timeoutMs?: number;
  /** Aborting it ends the call with CANCELLED and tells the callee. */
  signal?: AbortSignal;
  /** String pairs for the callee. Keys beginning with `x-` travel on with the calls that an Anthill callee makes; values of keys ending in `-bin` are base64. */
  metadata?: Readonly<Record<string, string>>;
  /** How many other nodes may be tried when a request provably reached no handler. @default 3 */
  redirects?: number;
  /** Wait for a node that can be reached, up to the deadline, instead of failing at once. @default false */
  waitForReady?: boolean;
  /** The call may be made twice: one that fails with UNAVAILABLE is tried on other nodes too, wherever it got lost. Not for streams of requests. @default false */
  idempotent?: boolean;
}

/** Options of a gRPC client; a call's own win, filters add up. @public */
export interface GrpcClientOptions extends Omit<GrpcCallOptions, 'signal'>, ProtoOptions {
  /**
   * `registry:///name`: the nodes of a service in the app's registry; `host:port`, or several of them; or what grpc-js resolves itself, such as `dns:///host:port`.
   * @default for a class with `@GrpcService` in an `@RpcModule`: that module's service
   */
  target?: string | readonly string[];
  /** Where the service is described, when it is given by its name. */
  proto?: GrpcProto;
  /** Tells hrpc services what they want to know: their header `hrpc_md_message` goes with each call. @default false */
  hrpc?: boolean | HrpcCallOptions;
  /** Only nodes of exactly this version. */
  version?: string;
  /** `true`: TLS with the certificates that Node trusts. @default false: plain */
  tls?: boolean | GrpcClientTls;
  /**
   * A ping after this many milliseconds without traffic while calls are in flight. 0: none. Go's and C's servers close connections that ping more often than every
   * five minutes, unless told otherwise. @default 300000
   */
  keepaliveMs?: number;
  /** A connection that does not answer a ping for so many milliseconds is dropped, and its calls fail. @default 20000 */
  keepaliveTimeoutMs?: number;
  /** Largest message, either way. @default 4194304 (4 MiB) */
  maxMessageBytes?: number;
  /** How long a node may take to accept a connection before another one is tried. @default 3000 */
  connectTimeoutMs?: number;
}

/** The same with defaults, checked. */
export interface GrpcClientSettings {
  readonly tls: boolean | GrpcClientTls;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly connectTimeoutMs: number;
}

const KNOWN: Readonly<Record<keyof GrpcClientOptions, true>> = {
  target: true,
  proto: true,
  includeDirs: true,
  keepCase: true,
  longs: true,
  enums: true,
  defaults: true,
  hrpc: true,
  version: true,
  tls: true,
  keepaliveMs: true,
  keepaliveTimeoutMs: true,
  maxMessageBytes: true,
  connectTimeoutMs: true,
  timeoutMs: true,
  metadata: true,
  redirects: true,
  waitForReady: true,
  idempotent: true,
  selector: true,
  filters: true,
  hashKey: true,
};

/** Timers of Node that are longer ring at once: with a longer one, pings would come without end. */
const LONGEST_TIMER_MS = 0x7fffffff;

/** @throws BootError GRPC_CLIENT_OPTIONS */
export function settingsOf(options: GrpcClientOptions, where: string): GrpcClientSettings {
  const wrong = (what: string): BootError => new BootError('GRPC_CLIENT_OPTIONS', `${where}: ${what}`);
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, key)) throw wrong(`there is no option "${key}"${didYouMean(key, Object.keys(KNOWN))}; the options are ${Object.keys(KNOWN).join(', ')}`);
  }
  const number = (key: 'keepaliveMs' | 'keepaliveTimeoutMs' | 'maxMessageBytes' | 'connectTimeoutMs' | 'timeoutMs' | 'redirects', standard: number, least: number, most = Infinity): number => {
    const value = options[key] ?? standard;
    if (typeof value !== 'number' || !(value >= least && value <= most)) throw wrong(`{ ${key}: ${String(value)} } must be a number from ${least}${most === Infinity ? '' : ` to ${most}`}`);
    return value;
  };
  number('timeoutMs', 0, 0);
  number('redirects', 0, 0);
  return {
    tls: options.tls ?? false,
    keepaliveMs: number('keepaliveMs', 300_000, 0, LONGEST_TIMER_MS),
    keepaliveTimeoutMs: number('keepaliveTimeoutMs', 20_000, 1, LONGEST_TIMER_MS),
    maxMessageBytes: number('maxMessageBytes', 4 * 1024 * 1024, 1),
    connectTimeoutMs: number('connectTimeoutMs', 3000, 1, LONGEST_TIMER_MS),
  };
}
