import { EventEmitter } from 'node:events';
import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type Consul from 'consul';
import type { ConsulAddress, ConsulConnection } from './consul.connection.js';

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

/** What the package's calls share: its own abort channel, and the answer with its headers. */
export interface Wire {
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

/** The agents of a connection: one is asked, and the next when it cannot be reached. */
export class ConsulAgents {
  private readonly agents: readonly Agent[];
  /** The agent that answered last: it is asked until it does not. */
  private current = 0;

  constructor(private readonly options: ConsulConnection, Client: typeof Consul) {
    this.agents = options.addresses.map((address) => new Agent(address, options.tls, Client));
  }

  /** For what is answered at once. */
  get brief(): Consul {
    return this.agents[this.current]!.brief;
  }

  /** For what may be held. */
  get held(): Consul {
    return this.agents[this.current]!.held;
  }

  close(): void {
    for (const agent of this.agents) agent.close();
  }

  /** What the package has no method for, or one that drops what we say (Weights). */
  send(method: '_get' | '_put', request: object, { token, dc, ...rest }: Wire): Promise<unknown> {
    const raw = this.brief as unknown as Record<typeof method, RawRequest>;
    return raw[method]({ ...request, ...rest, headers: token === undefined ? {} : { 'x-consul-token': token }, query: dc === undefined ? {} : { dc } }, ({ err, res }, end) => {
      if (err) end(false, Object.assign(err, { response: res }));
      else end(false, undefined, [res, res?.body]);
    });
  }

  /**
   * One question: `send` asks `brief` or `held` as they are then. `what` is for messages; `once` for what must not be sent twice.
   * @throws ConsulRequestError
   */
  async ask(what: string, signal: AbortSignal | undefined, send: (wire: Wire) => Promise<unknown>, times: 'once' | 'again' = 'again'): Promise<{ response: IncomingMessage; body: unknown }> {
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
    const refusals = refusalsIn(error.response?.body);
    // A transaction without rights is a conflict in Consul's words.
    const status = refusals.some((what) => /permission denied/i.test(what)) ? 403 : error.response?.statusCode;
    const where = `consul at ${tried > 1 && status === undefined ? this.options.address : this.options.addresses[asked]!.address}`;
    if (status !== undefined) {
      const text = typeof error.response?.body === 'string' || Buffer.isBuffer(error.response?.body) ? String(error.response.body) : refusals.join('; ');
      const said = text === '' ? '' : `: ${text.trim().slice(0, 200)}`;
      const hint = status === 403 ? '; check the token and its policy' : status === 429 ? '; it has too many connections or requests' : '';
      // Without its cause: that holds the request with the token, for whoever logs it.
      return new ConsulRequestError(`${where} answered ${status} to ${what}${said}${hint}`, status, undefined);
    }
    const why = error.isTimeout ? 'it did not answer in time' : (error.code ?? error.message ?? String(cause));
    return new ConsulRequestError(`${where} cannot be reached (${why}); check that the agent runs and that the address is right`, undefined, cause);
  }
}

/** What was wrong with the operations of a transaction. */
function refusalsIn(body: unknown): string[] {
  const { Errors: errors } = (body ?? {}) as { Errors?: unknown };
  return Array.isArray(errors) ? (errors as readonly { What?: unknown }[]).map(({ What }) => String(What)) : [];
}

/** Nobody took the connection: nothing was sent. */
function isRefused(cause: unknown): boolean {
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'].includes((cause as { code?: string }).code ?? '');
}
