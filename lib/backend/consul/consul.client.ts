import type { IncomingMessage } from 'node:http';
import type Consul from 'consul';
import { loadPeer } from '../../common/peer.js';
import { ConsulAgents, ConsulRequestError } from './consul.agents.js';
import type { ConsulConnection } from './consul.connection.js';
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

/**
 * @throws BootError PEER_MISSING without the `consul` package
 */
export async function openConsulClient(options: ConsulConnection): Promise<ConsulClient> {
  const loaded = (await loadPeer('consul', 'consul()', () => import('consul'))) as unknown as { default: typeof Consul };
  return new PackageClient(options, loaded.default);
}

class PackageClient implements ConsulClient {
  private readonly agents: ConsulAgents;

  constructor(private readonly options: ConsulConnection, Client: typeof Consul) {
    this.agents = new ConsulAgents(options, Client);
  }

  async ping(signal?: AbortSignal): Promise<void> {
    const { body } = await this.agents.ask('status/leader', signal, (wire) => this.agents.brief.status.leader(wire));
    if (typeof body !== 'string' || body === '') throw new ConsulRequestError(`consul at ${this.options.address} has no leader; check its servers`, 200, undefined);
  }

  async register(record: ConsulRegistration, signal?: AbortSignal): Promise<void> {
    await this.agents.ask('agent/service/register', signal, (wire) => this.agents.send('_put', { path: '/agent/service/register', type: 'json', body: record }, wire));
  }

  async knows(serviceId: string, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.agents.ask('agent/service', signal, (wire) => this.agents.send('_get', { path: '/agent/service/{id}', params: { id: serviceId } }, wire));
      return true;
    } catch (cause) {
      if (cause instanceof ConsulRequestError && cause.status === 404) return false;
      throw cause;
    }
  }

  async pass(id: string, signal?: AbortSignal): Promise<void> {
    await this.agents.ask('agent/check/pass', signal, (wire) => this.agents.brief.agent.check.pass({ id, ...wire }));
  }

  async deregister(id: string, signal?: AbortSignal): Promise<void> {
    await this.agents.ask('agent/service/deregister', signal, (wire) => this.agents.brief.agent.service.deregister({ id, ...wire }));
  }

  async services(signal?: AbortSignal): Promise<string[]> {
    const { body } = await this.agents.ask('catalog/services', signal, (wire) => this.agents.brief.catalog.service.list(wire));
    return Object.keys((body ?? {}) as object);
  }

  async health(service: string, block?: { index: bigint; waitMs: number }, signal?: AbortSignal) {
    const { body, response } = await this.agents.ask(
      `health/service/${encodeURIComponent(service)}`,
      signal,
      (wire) => {
        if (block === undefined) return this.agents.brief.health.service({ service, ...wire });
        // Consul adds up to a sixteenth to the wait; the timeout begins after that.
        const timeout = block.waitMs * (17 / 16) + wire.timeout;
        return this.agents.held.health.service({ service, ...wire, timeout, index: `${block.index}`, wait: `${Math.ceil(block.waitMs)}ms` } as never);
      },
    );
    return { index: indexOf(response), entries: Array.isArray(body) ? (body as ConsulHealthEntry[]) : [] };
  }

  async keys(prefix: string, block?: { index: bigint; waitMs: number }, signal?: AbortSignal) {
    const { body, response } = await this.agents.ask(`kv/${prefix}`, signal, (wire) => {
      const options = { key: prefix, recurse: true, buffer: true, ...wire };
      if (block === undefined) return this.agents.brief.kv.get(options as never);
      const timeout = block.waitMs * (17 / 16) + wire.timeout;
      return this.agents.held.kv.get({ ...options, timeout, index: `${block.index}`, wait: `${Math.ceil(block.waitMs)}ms` } as never);
    });
    const rows = Array.isArray(body) ? (body as ConsulKeyRow[]).map(keyOf) : [];
    // Keys that a token may not read are left out without a word: rights that were taken away would look like keys that were taken out.
    if (rows.length === 0 && response.headers['x-consul-results-filtered-by-acls'] === 'true') {
      throw new ConsulRequestError(`consul at ${this.options.address} has keys below ${prefix}, and shows none of them to this token; give its policy key_prefix "${prefix}" { policy = "read" }`, 403, undefined);
    }
    return { index: indexOf(response), rows };
  }

  async key(key: string, signal?: AbortSignal): Promise<ConsulKey | undefined> {
    const { body } = await this.agents.ask(`kv/${key}`, signal, (wire) => this.agents.brief.kv.get({ key, buffer: true, ...wire } as never));
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
      const { body } = await this.agents.ask(`txn (${operation.Verb} ${key})`, signal, (wire) => this.agents.brief.transaction.create([{ KV: operation }] as never, wire as never), 'once');
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
      await this.agents.ask('txn', signal, (wire) => this.agents.brief.transaction.create(body as never, wire as never));
      return true;
    } catch (cause) {
      if (cause instanceof ConsulRequestError && cause.status === 409) return false;
      throw cause;
    }
  }

  async createSession(name: string, ttlMs: number, signal?: AbortSignal): Promise<string> {
    // No lock delay: whoever takes a key over must know by itself when it may use it.
    const options = { name, ttl: `${Math.ceil(ttlMs / 1000)}s`, behavior: 'delete', lockdelay: '0s' };
    const { body } = await this.agents.ask('session/create', signal, (wire) => this.agents.brief.session.create({ ...options, ...wire } as never));
    return (body as { ID: string }).ID;
  }

  async renewSession(id: string, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.agents.ask('session/renew', signal, (wire) => this.agents.brief.session.renew({ id, ...wire } as never));
      return true;
    } catch (cause) {
      if (cause instanceof ConsulRequestError && cause.status === 404) return false;
      throw cause;
    }
  }

  async destroySession(id: string, signal?: AbortSignal): Promise<void> {
    await this.agents.ask('session/destroy', signal, (wire) => this.agents.brief.session.destroy({ id, ...wire } as never));
  }

  close(): void {
    this.agents.close();
  }
}

function indexOf({ headers }: IncomingMessage): bigint {
  const index = headers['x-consul-index'];
  return typeof index === 'string' && /^\d+$/.test(index) ? BigInt(index) : 0n;
}

function keyOf({ Key, Value, ModifyIndex }: ConsulKeyRow): ConsulKey {
  return { key: Key, value: Value ?? Buffer.alloc(0), modifyIndex: BigInt(ModifyIndex) };
}
