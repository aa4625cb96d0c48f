import { EventEmitter } from 'node:events';
import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type Consul from 'consul';
import { loadPeer } from '../../common/peer.js';
import type { ConsulAddress, ConsulConnection } from './consul.connection.js';
import type { ConsulHealthEntry, ConsulKey, ConsulKeyOperation, ConsulKeyRow, ConsulRegistration } from './consul.rows.js';

/**
 * The few calls to Consul that the registry makes. The `consul` package stays behind this file: its results are `any`, it knows no AbortSignal, and
 * it is no longer maintained upstream, so that it may have to be replaced.
 */
export interface ConsulClient {
  /** Resolves when the agent answers and knows a leader. */
  ping(signal?: AbortSignal): Promise<void>;
  register(record: ConsulRegistration, signal?: AbortSignal): Promise<void>;
  /** Does the agent have a service of this id? */
  knows(serviceId: string, signal?: AbortSignal): Promise<boolean>;
  pass(checkId: string, signal?: AbortSignal): Promise<void>;
  deregister(nodeId: string, signal?: AbortSignal): Promise<void>;
  services(signal?: AbortSignal): Promise<string[]>;
  /** All entries of a service, critical ones too. With an index, held until it moves or `waitMs` passed. */
  health(service: string, block?: { index: bigint; waitMs: number }, signal?: AbortSignal): Promise<{ index: bigint; entries: readonly ConsulHealthEntry[] }>;
  /** All keys that begin with `prefix`. With an index, held until it moves or `waitMs` passed. */
  keys(prefix: string, block?: { index: bigint; waitMs: number }, signal?: AbortSignal): Promise<{ index: bigint; rows: readonly ConsulKey[] }>;
  key(key: string, signal?: AbortSignal): Promise<ConsulKey | undefined>;
  /**
   * Writes a key, or takes it out when `value` is undefined; with `ifIndex` only when that is its index (0: it is not there). Resolves with its new index (0: it
   * is out), or undefined when the index was another one. Never sent twice: when the answer is lost, nobody knows.
   */
  writeKey(key: string, value: Uint8Array | undefined, ifIndex?: bigint, signal?: AbortSignal): Promise<bigint | undefined>;
  /** All of these or none. False when one of them could not be (a key locked by others, another index, a session that is gone). */
  transact(operations: readonly ConsulKeyOperation[], signal?: AbortSignal): Promise<boolean>;
  /** A session that ends, and takes its keys with it, at the latest twice `ttlMs` (10 s to a day) after its last renewal. */
  createSession(name: string, ttlMs: number, signal?: AbortSignal): Promise<string>;
  /** False when it is gone. */
  renewSession(id: string, signal?: AbortSignal): Promise<boolean>;
  /** One that is gone already is no error. */
  destroySession(id: string, signal?: AbortSignal): Promise<void>;
  /** Cuts the connections. */
  close(): void;
}

/** A request to Consul that failed. The message names the address and never the token. */
export class ConsulRequestError extends Error {
  override name = 'ConsulRequestError';
  constructor(
    message: string,
    /** HTTP status, when there was an answer. */
    readonly status: number | undefined,
    cause: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/**
 * @throws BootError PEER_MISSING without the `consul` package
 */
export async function openConsulClient(options: ConsulConnection): Promise<ConsulClient> {
  const loaded = (await loadPeer('consul', 'consul()', () => import('consul'))) as unknown as { default: typeof Consul };
  return new PackageClient(options, loaded.default);
}

/** What the package's calls share: its own abort channel, and the answer with its headers. */
interface Wire {
  ctx: EventEmitter;
  timeout: number;
  token?: string;
  dc?: string;
}

/** What the methods of the package are made of; its types do not say so. */
type RawRequest = (request: object, done: (answer: { err?: Error; res?: IncomingMessage & { body?: unknown } }, end: (stop: false, error?: Error, value?: unknown) => void) => void) => Promise<unknown>;

/** One agent of Consul, with two pools: held watches must not keep a heartbeat from a connection. */
class Agent {
  readonly brief: Consul;
  readonly held: Consul;
  private readonly pools: readonly HttpAgent[];

  constructor({ baseUrl }: ConsulAddress, tls: ConsulConnection['tls'], Client: typeof Consul) {
    const secure = baseUrl.startsWith('https:');
    const pool = (maxSockets: number) => (secure ? new HttpsAgent({ keepAlive: true, maxSockets, ...tls }) : new HttpAgent({ keepAlive: true, maxSockets }));
    const [brief, held] = [pool(8), pool(Infinity)];
    this.pools = [brief, held];
    // `baseUrl` is the package's, though its types do not say so; it is the only way to a path prefix.
    const open = (via: HttpAgent) => new Client({ baseUrl, agent: via } as ConstructorParameters<typeof Consul>[0]);
    this.brief = open(brief);
    this.held = open(held);
  }

  close(): void {
    for (const pool of this.pools) pool.destroy();
  }
}

class PackageClient implements ConsulClient {
  private readonly agents: readonly Agent[];
  /** The agent that answered last: it is asked until it does not. */
  private current = 0;

  constructor(private readonly options: ConsulConnection, Client: typeof Consul) {
    this.agents = options.addresses.map((address) => new Agent(address, options.tls, Client));
  }

  private get brief(): Consul {
    return this.agents[this.current]!.brief;
  }

  private get held(): Consul {
    return this.agents[this.current]!.held;
  }

  async ping(signal?: AbortSignal): Promise<void> {
    const { body } = await this.ask('status/leader', signal, (wire) => this.brief.status.leader(wire));
    if (typeof body !== 'string' || body === '') throw new ConsulRequestError(`consul at ${this.options.address} has no leader; check its servers`, 200, undefined);
  }

  async register(record: ConsulRegistration, signal?: AbortSignal): Promise<void> {
    await this.ask('agent/service/register', signal, (wire) => this.send('_put', { path: '/agent/service/register', type: 'json', body: record }, wire));
  }

  async knows(serviceId: string, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.ask('agent/service', signal, (wire) => this.send('_get', { path: '/agent/service/{id}', params: { id: serviceId } }, wire));
      return true;
    } catch (cause) {
      if (cause instanceof ConsulRequestError && cause.status === 404) return false;
      throw cause;
    }
  }

  async pass(id: string, signal?: AbortSignal): Promise<void> {
    await this.ask('agent/check/pass', signal, (wire) => this.brief.agent.check.pass({ id, ...wire }));
  }

  async deregister(id: string, signal?: AbortSignal): Promise<void> {
    await this.ask('agent/service/deregister', signal, (wire) => this.brief.agent.service.deregister({ id, ...wire }));
  }

  async services(signal?: AbortSignal): Promise<string[]> {
    const { body } = await this.ask('catalog/services', signal, (wire) => this.brief.catalog.service.list(wire));
    return Object.keys((body ?? {}) as object);
  }

  async health(service: string, block?: { index: bigint; waitMs: number }, signal?: AbortSignal) {
    const { body, response } = await this.ask(
      `health/service/${encodeURIComponent(service)}`,
      signal,
      (wire) => {
        if (block === undefined) return this.brief.health.service({ service, ...wire });
        // Consul adds up to a sixteenth to the wait; the timeout begins after that.
        const timeout = block.waitMs * (17 / 16) + wire.timeout;
        return this.held.health.service({ service, ...wire, timeout, index: `${block.index}`, wait: `${Math.ceil(block.waitMs)}ms` } as never);
      },
    );
    return { index: indexOf(response), entries: Array.isArray(body) ? (body as ConsulHealthEntry[]) : [] };
  }

  async keys(prefix: string, block?: { index: bigint; waitMs: number }, signal?: AbortSignal) {
    const { body, response } = await this.ask(`kv/${prefix}`, signal, (wire) => {
      const options = { key: prefix, recurse: true, buffer: true, ...wire };
      if (block === undefined) return this.brief.kv.get(options as never);
      const timeout = block.waitMs * (17 / 16) + wire.timeout;
      return this.held.kv.get({ ...options, timeout, index: `${block.index}`, wait: `${Math.ceil(block.waitMs)}ms` } as never);
    });
    return { index: indexOf(response), rows: Array.isArray(body) ? (body as ConsulKeyRow[]).map(keyOf) : [] };
  }

  async key(key: string, signal?: AbortSignal): Promise<ConsulKey | undefined> {
    const { body } = await this.ask(`kv/${key}`, signal, (wire) => this.brief.kv.get({ key, buffer: true, ...wire } as never));
    return body === undefined ? undefined : keyOf(body as ConsulKeyRow);
  }

  async writeKey(key: string, value: Uint8Array | undefined, ifIndex?: bigint, signal?: AbortSignal): Promise<bigint | undefined> {
    const verb = value === undefined ? 'delete' : 'set';
    const operation = {
      Verb: ifIndex === undefined ? verb : value === undefined ? 'delete-cas' : 'cas',
      Key: key,
      ...(value !== undefined && { Value: Buffer.from(value).toString('base64') }),
      ...(ifIndex !== undefined && { Index: Number(ifIndex) }),
    };
    try {
      // A transaction of one operation: the only way to learn the index that a write made.
      const { body } = await this.ask(`txn (${operation.Verb} ${key})`, signal, (wire) => this.brief.transaction.create([{ KV: operation }] as never, wire as never), 'once');
      const results = (body as { Results?: readonly { KV?: ConsulKeyRow }[] | null } | undefined)?.Results ?? [];
      return BigInt(results[0]?.KV?.ModifyIndex ?? 0);
    } catch (cause) {
      if (ifIndex !== undefined && cause instanceof ConsulRequestError && cause.status === 409) return undefined;
      throw cause;
    }
  }

  async transact(operations: readonly ConsulKeyOperation[], signal?: AbortSignal): Promise<boolean> {
    const body = operations.map(({ Value, ...rest }) => ({ KV: { ...rest, ...(Value !== undefined && { Value: Buffer.from(Value).toString('base64') }) } }));
    try {
      await this.ask('txn', signal, (wire) => this.brief.transaction.create(body as never, wire as never));
      return true;
    } catch (cause) {
      if (cause instanceof ConsulRequestError && cause.status === 409) return false;
      throw cause;
    }
  }

  async createSession(name: string, ttlMs: number, signal?: AbortSignal): Promise<string> {
    // No lock delay: whoever takes a key over must know by itself when it may use it.
    const options = { name, ttl: `${Math.ceil(ttlMs / 1000)}s`, behavior: 'delete', lockdelay: '0s' };
    const { body } = await this.ask('session/create', signal, (wire) => this.brief.session.create({ ...options, ...wire } as never));
    return (body as { ID: string }).ID;
  }

  async renewSession(id: string, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.ask('session/renew', signal, (wire) => this.brief.session.renew({ id, ...wire } as never));
      return true;
    } catch (cause) {
      if (cause instanceof ConsulRequestError && cause.status === 404) return false;
      throw cause;
    }
  }

  async destroySession(id: string, signal?: AbortSignal): Promise<void> {
    await this.ask('session/destroy', signal, (wire) => this.brief.session.destroy({ id, ...wire } as never));
  }

  close(): void {
    for (const agent of this.agents) agent.close();
  }

  /** What the package has no method for, or one that drops what we say (Weights). */
  private send(method: '_get' | '_put', request: object, { token, dc, ...rest }: Wire): Promise<unknown> {
    const raw = this.brief as unknown as Record<typeof method, RawRequest>;
    return raw[method]({ ...request, ...rest, headers: token === undefined ? {} : { 'x-consul-token': token }, query: dc === undefined ? {} : { dc } }, ({ err, res }, end) => {
      if (err) end(false, Object.assign(err, { response: res }));
      else end(false, undefined, [res, res?.body]);
    });
  }

  private async ask(what: string, signal: AbortSignal | undefined, send: (wire: Wire) => Promise<unknown>, times: 'once' | 'again' = 'again'): Promise<{ response: IncomingMessage; body: unknown }> {
    signal?.throwIfAborted();
    // The package hands out the response only to a context that says so, and aborts when the context emits `cancel`.
    const ctx = Object.assign(new EventEmitter(), { includeResponse: true });
    const cancel = () => ctx.emit('cancel');
    signal?.addEventListener('abort', cancel, { once: true });
    const { token, datacenter, timeoutMs } = this.options;
    const wire = { ctx, timeout: timeoutMs, ...(token && { token }), ...(datacenter && { dc: datacenter }) };
    // A kept connection that the agent has closed meanwhile shows as a reset; all our requests but writes of keys may be sent twice.
    const isAgain = times === 'again';
    const once = () => send(wire).catch((cause: { code?: string }) => (isAgain && cause.code === 'ECONNRESET' && !signal?.aborted ? send(wire) : Promise.reject(cause as Error)));
    try {
      for (let tried = 1; ; tried++) {
        const asked = this.current;
        try {
          const [response, body] = (await once()) as [IncomingMessage, unknown];
          return { response, body };
        } catch (cause) {
          signal?.throwIfAborted();
          const failure = this.explain(what, cause, asked, tried);
          if (failure.status !== undefined) throw failure;
          // Another request may have moved on already.
          if (this.current === asked) this.current = (asked + 1) % this.agents.length;
          if (tried >= this.agents.length || (!isAgain && !isRefused(cause))) throw failure;
        }
      }
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  private explain(what: string, cause: unknown, asked: number, tried: number): ConsulRequestError {
    const error = cause as { message?: string; code?: string; isTimeout?: boolean; response?: { statusCode?: number; body?: unknown } };
    const status = error.response?.statusCode;
    const where = `consul at ${tried > 1 && status === undefined ? this.options.address : this.options.addresses[asked]!.address}`;
    if (status !== undefined) {
      const said = typeof error.response?.body === 'string' || Buffer.isBuffer(error.response?.body) ? `: ${String(error.response.body).trim().slice(0, 200)}` : '';
      const hint = status === 403 ? '; check the token and its policy' : status === 429 ? '; it has too many connections or requests' : '';
      // Without its cause: that holds the request with the token, for whoever logs it.
      return new ConsulRequestError(`${where} answered ${status} to ${what}${said}${hint}`, status, undefined);
    }
    const why = error.isTimeout ? 'it did not answer in time' : (error.code ?? error.message ?? String(cause));
    return new ConsulRequestError(`${where} cannot be reached (${why}); check that the agent runs and that the address is right`, undefined, cause);
  }
}

/** Nobody took the connection: nothing was sent. */
function isRefused(cause: unknown): boolean {
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'].includes((cause as { code?: string }).code ?? '');
}

function indexOf({ headers }: IncomingMessage): bigint {
  const index = headers['x-consul-index'];
  return typeof index === 'string' && /^\d+$/.test(index) ? BigInt(index) : 0n;
}

function keyOf({ Key, Value, ModifyIndex }: ConsulKeyRow): ConsulKey {
  return { key: Key, value: Value ?? Buffer.alloc(0), modifyIndex: BigInt(ModifyIndex) };
}
