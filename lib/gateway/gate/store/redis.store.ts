import { createHash } from 'node:crypto';
import type { Redis, RedisOptions } from 'ioredis';
import { rpcError } from '../../../common/error-catalog.js';
import type { HealthReport } from '../../../common/lifecycle.js';
import { loadPeer } from '../../../common/peer.js';
import type { RpcError } from '../../../common/rpc-error.js';
import type { DuplicatePolicy, GateStore, KeptPush, OpenedSession, RetainedMessage, RetainLimits, SessionPlace, StoredPush, StoredSession, SubscribedPush, WaitingPush } from './gate-store.js';
import * as scripts from './redis.scripts.js';

/** What a store needs of an ioredis client, a single one's or a cluster's. @public */
export type RedisClient = Pick<Redis, 'evalsha' | 'eval' | 'ping' | 'disconnect'> & { readonly status: string };

/** Where gates keep what they know together. @public */
export interface RedisGateStoreOptions {
  /** `redis://host:6379/0`, or options of ioredis. The store makes and closes its own client. @default redis://127.0.0.1:6379 */
  connection?: string | RedisOptions;
  /** A client of yours instead; it stays open. */
  client?: RedisClient;
  /** Before all keys; gates that share it share sessions. @default 'anthill:gate' */
  prefix?: string;
}

/**
 * Sessions, users, groups and pushes in Redis 5 or newer, for any number of gates. Needs the package `ioredis`.
 * @public
 */
export function redisGateStore(options: RedisGateStoreOptions = {}): GateStore {
  return new RedisGateStore(options);
}

/** A Redis that says nothing for so long is away. */
const PATIENCE_MS = 5000;
/** Sessions per script: nothing else runs in Redis meanwhile. */
const AT_ONCE = 500;
const AWAY = /^(LOADING|MASTERDOWN|CLUSTERDOWN|READONLY|TRYAGAIN|UNKILLABLE)\b/;

type Reply = string | number | null | readonly Reply[];

class RedisGateStore implements GateStore {
  readonly name = 'redis';
  readonly isShared = true;
  private readonly prefix: string;
  private client: RedisClient | undefined;
  private lastError: Error | undefined;
  /** It is connected, and the last command had no answer in time. */
  private isSilent = false;
  private readonly shas = new Map<string, string>();

  constructor(private readonly options: RedisGateStoreOptions) {
    this.prefix = `{${options.prefix ?? 'anthill:gate'}}:`;
    this.client = options.client;
  }

  async connect(): Promise<void> {
    if (this.client === undefined) {
      const { Redis: Client } = await loadPeer('ioredis', 'redisGateStore()', () => import('ioredis'));
      const { connection = 'redis://127.0.0.1:6379' } = this.options;
      // Calls fail while it is away, instead of waiting in a queue that nobody bounds; what was under way is not run a second time.
      const common: RedisOptions = { lazyConnect: true, enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0, connectTimeout: PATIENCE_MS, commandTimeout: PATIENCE_MS };
      const client = typeof connection === 'string' ? new Client(connection, common) : new Client({ ...common, ...connection });
      client.on('error', (error: Error) => (this.lastError = error));
      client.on('ready', () => (this.lastError = undefined));
      await client.connect();
      this.client = client;
    }
    await this.client.ping();
  }

  async close(): Promise<void> {
    if (this.options.client === undefined) this.client?.disconnect();
  }

  health(): HealthReport {
    if (this.client?.status === 'ready' && !this.isSilent) return { status: 'up' };
    return { status: 'down', detail: `the gate's Redis is away${this.lastError ? ` (${this.lastError.message})` : ''}` };
  }

  async beat(gateId: string, ttlMs: number): Promise<boolean> {
    return (await this.run(scripts.BEAT, gateId, ttlMs)) === 1;
  }

  async retire(gateId: string): Promise<void> {
    while (Number(await this.run(scripts.RETIRE, gateId)) > 0);
  }

  async reclaim(gateId: string, sessionIds: readonly string[]): Promise<readonly string[]> {
    const lost: string[] = [];
    for (let i = 0; i < sessionIds.length; i += AT_ONCE) lost.push(...((await this.run(scripts.RECLAIM, gateId, ...sessionIds.slice(i, i + AT_ONCE))) as string[]));
    return lost;
  }

  async gates(): Promise<readonly string[]> {
    return (await this.run(scripts.GATES)) as string[];
  }

  async open(session: StoredSession, gateId: string, keepMs: number): Promise<OpenedSession> {
    const { sessionId, clientId, userId, settings, subscriptions } = session;
    const reply = await this.run(scripts.OPEN, sessionId, clientId, userId, JSON.stringify(settings), JSON.stringify(subscriptions), gateId, keepMs);
    const [sid, user, storedSettings, subs, resumed, displacedId, displacedGate] = reply as [string, string, string, string, number, string, string];
    const stored = Object.freeze({
      sessionId: sid,
      clientId,
      userId: user,
      settings: JSON.parse(storedSettings) as Record<string, string>,
      subscriptions: JSON.parse(subs) as Record<string, 0 | 1 | 2>,
    });
    return { session: stored, resumed: resumed === 1, ...(displacedId !== '' && { displaced: { sessionId: displacedId, gateId: displacedGate } }) };
  }

  async release(sessionId: string, gateId: string, keepMs: number): Promise<void> {
    await this.run(scripts.RELEASE, sessionId, gateId, keepMs);
  }

  async save(sessionId: string, { settings, subscriptions }: Partial<Pick<StoredSession, 'settings' | 'subscriptions'>>): Promise<void> {
    const fields = [...(settings ? ['settings', JSON.stringify(settings)] : []), ...(subscriptions ? ['subs', JSON.stringify(subscriptions)] : [])];
    if (fields.length > 0) await this.run(scripts.SAVE, sessionId, ...fields);
  }

  async place(sessionId: string): Promise<SessionPlace | undefined> {
    const reply = await this.run(scripts.PLACE, sessionId);
    return reply === null ? undefined : placeOf(reply);
  }

  async bind(sessionId: string, userId: string, policy: DuplicatePolicy): Promise<{ bound: boolean; displaced: readonly SessionPlace[] }> {
    const reply = await this.run(scripts.BIND, sessionId, userId, policy);
    return Array.isArray(reply) ? { bound: true, displaced: reply.map(placeOf) } : { bound: false, displaced: [] };
  }

  async unbind(sessionId: string): Promise<void> {
    await this.run(scripts.UNBIND, sessionId);
  }

  placesOf(userId: string): Promise<readonly SessionPlace[]> {
    return this.places(`u:${userId}`);
  }

  async join(group: string, sessionId: string): Promise<boolean> {
    return (await this.run(scripts.JOIN, group, sessionId)) === 1;
  }

  async leave(group: string, sessionId: string): Promise<void> {
    await this.run(scripts.LEAVE, group, sessionId);
  }

  members(group: string): Promise<readonly SessionPlace[]> {
    return this.places(`g:${group}`);
  }

  async keep(sessionId: string, push: Omit<StoredPush, 'id'>, limit: number): Promise<KeptPush | 'gone' | 'full'> {
    const [id, gateId] = (await this.run(scripts.KEEP, sessionId, pushText(push), limit)) as [number, string];
    if (id <= 0) return id < 0 ? 'gone' : 'full';
    return { push: Object.freeze({ ...push, id }), gateId: gateId === '' ? undefined : gateId };
  }

  async unacknowledged(sessionId: string): Promise<readonly WaitingPush[]> {
    const reply = (await this.run(scripts.UNACKNOWLEDGED, sessionId)) as (string | null)[];
    const found: WaitingPush[] = [];
    for (let i = 0; i < reply.length; i += 3) {
      const [id, text, state] = [Number(reply[i]), reply[i + 1], reply[i + 2] as WaitingPush['state']];
      if (state === 'received') found.push({ id, topic: '', body: new Uint8Array(0), qos: 2, state });
      else if (typeof text === 'string') found.push({ id, ...(readPush(text) as Omit<StoredPush, 'id'>), state });
    }
    return found;
  }

  async pushReceived(sessionId: string, id: number): Promise<void> {
    await this.run(scripts.PUSH_RECEIVED, sessionId, id);
  }

  async acknowledge(sessionId: string, id: number): Promise<void> {
    await this.run(scripts.ACKNOWLEDGE, sessionId, id);
  }

  async publish(message: Omit<StoredPush, 'id'>, limit: number): Promise<readonly SubscribedPush[]> {
    const texts = [pushText({ ...message, qos: 1 }), ...(message.qos === 2 ? [pushText(message)] : [])];
    const reply = (await this.run(scripts.PUBLISH, message.topic, limit, ...texts)) as [string, string, number, 1 | 2][];
    return reply.map(([sessionId, gateId, id, qos]) => ({ ...placeOf([sessionId, gateId]), push: id === 0 ? undefined : Object.freeze({ ...message, qos, id }) }));
  }

  async receiving(sessionId: string, id: number, gateId: string, limit: number): Promise<'new' | 'known' | 'full'> {
    return (await this.run(scripts.RECEIVING, sessionId, id, gateId, limit)) as 'new' | 'known' | 'full';
  }

  async received(sessionId: string, id: number): Promise<void> {
    await this.run(scripts.RECEIVED, sessionId, id);
  }

  async released(sessionId: string, id: number): Promise<void> {
    await this.run(scripts.RELEASED, sessionId, id);
  }

  async retain(message: RetainedMessage, { messages, bytes }: RetainLimits): Promise<boolean> {
    return (await this.run(scripts.RETAIN, message.topic, message.body.length === 0 ? '' : pushText(message), messages, bytes)) === 1;
  }

  async retained(topic?: string): Promise<readonly RetainedMessage[]> {
    return ((await this.run(scripts.RETAINED, ...(topic === undefined ? [] : [topic]))) as string[]).map((text) => readPush(text));
  }

  private async places(key: string): Promise<readonly SessionPlace[]> {
    return ((await this.run(scripts.PLACES, key)) as Reply[]).map(placeOf);
  }

  /** @throws RpcError REDIS_UNAVAILABLE */
  private async run(script: string, ...args: (string | number)[]): Promise<Reply> {
    if (this.client === undefined) throw awayError(new Error('not connected yet'));
    try {
      const reply = await this.evaluate(this.client, script, args);
      this.isSilent = false;
      return reply;
    } catch (error) {
      if (/timed out/.test((error as Error).message)) this.isSilent = true;
      throw storeError(error as Error);
    }
  }

  /** By its hash, which Redis knows after the first time, until it is restarted. */
  private async evaluate(client: RedisClient, script: string, args: readonly (string | number)[]): Promise<Reply> {
    let sha = this.shas.get(script);
    if (sha === undefined) this.shas.set(script, (sha = createHash('sha1').update(script).digest('hex')));
    try {
      return (await client.evalsha(sha, 1, this.prefix, ...args)) as Reply;
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
      return (await client.eval(script, 1, this.prefix, ...args)) as Reply;
    }
  }
}

/** UNAVAILABLE for all that is no answer to the script, and for servers that cannot serve just now. */
function storeError(error: Error): Error {
  return error.name === 'ReplyError' && !AWAY.test(error.message) ? error : awayError(error);
}

function awayError({ message }: Error): RpcError {
  return rpcError('REDIS_UNAVAILABLE', `the gate's Redis is away: ${/enableOfflineQueue/.test(message) ? 'not connected' : message}`);
}

function placeOf(reply: Reply): SessionPlace {
  const [sessionId, gateId] = reply as [string, string];
  return { sessionId, gateId: gateId === '' ? undefined : gateId };
}

function pushText({ topic, body, qos, retain }: RetainedMessage & { readonly retain?: boolean }): string {
  return JSON.stringify({ topic, qos, body: Buffer.from(body).toString('base64'), ...(retain && { retain }) });
}

function readPush(text: string): RetainedMessage & { readonly retain?: boolean } {
  const { body, ...rest } = JSON.parse(text) as { topic: string; qos: 0 | 1 | 2; body: string; retain?: boolean };
  return { ...rest, body: Buffer.from(body, 'base64') };
}
