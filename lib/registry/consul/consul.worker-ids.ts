import { hostname } from 'node:os';
import { openConsulClient, type ConsulClient } from '../../backend/consul/consul.client.js';
import { CONSUL_CONNECTION_KEYS, type ConsulConnection, type ConsulConnectionOptions, resolveConsulConnection, wrongConsulOption } from '../../backend/consul/consul.connection.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../../common/clock.js';
import { didYouMean } from '../../common/did-you-mean.js';
import type { WorkerClaim, WorkerIds } from '../../common/worker-ids.js';
import { type ClaimLease, LeasedClaim } from '../leased-claim.js';
import { linkSignals, sharedController } from '../linked-signal.js';
import { freePlaces } from '../worker-places.js';

/** Where worker ids are leased. @public */
export interface ConsulWorkerIdsOptions extends ConsulConnectionOptions {
  /** Processes that must not make the same ids share it. The token needs `key:write` below it, and `session:write`. @default 'anthill/workers' */
  prefix?: string;
  /** A process that is gone holds its id up to twice as long; whole seconds, from 10000 on. @default 15000 */
  ttlMs?: number;
  /** For tests. @default the machine's */
  clock?: Clock;
  /** For tests. @default the machine's */
  random?: RandomSource;
}

const KNOWN = [...CONSUL_CONNECTION_KEYS, 'prefix', 'ttlMs', 'clock', 'random'] as const satisfies readonly (keyof ConsulWorkerIdsOptions)[];
/** Others may take the id that we try for; each time we choose anew among all that are free. */
const TRIES = 16;

/**
 * Worker ids under sessions of Consul, up to 1024 at a time. Needs the package `consul`.
 * @public
 * @throws BootError CONSUL_OPTIONS
 */
export function consulWorkerIds(options: ConsulWorkerIdsOptions = {}): WorkerIds {
  for (const key of Object.keys(options)) {
    if (!(KNOWN as readonly string[]).includes(key)) throw wrongConsulOption(`unknown option "${key}"${didYouMean(key, KNOWN)}`);
  }
  const { ttlMs = 15_000 } = options;
  if (!Number.isInteger(ttlMs / 1000) || ttlMs < 10_000) throw wrongConsulOption(`ttlMs must be whole seconds, at least 10000 (sessions of Consul are no shorter), got ${ttlMs}`);
  const prefix = (options.prefix ?? 'anthill/workers').replace(/^\/+|\/+$/g, '');
  if (prefix === '') throw wrongConsulOption('prefix must name a folder of keys, such as "anthill/workers"');
  return new ConsulWorkerIds(resolveConsulConnection(options), { prefix, ttlMs, clock: options.clock ?? systemClock, random: options.random ?? systemRandom });
}

/** `<prefix>/<id>/holder` is locked by the session of who has the id, and goes with it; `<prefix>/<id>/until` stays: up to when holders so far may have made ids. */
class ConsulWorkerIds implements WorkerIds {
  readonly name: string;
  private readonly closing = sharedController();
  private opening: Promise<ConsulClient> | undefined;

  constructor(
    private readonly connection: ConsulConnection,
    private readonly options: { readonly prefix: string; readonly ttlMs: number; readonly clock: Clock; readonly random: RandomSource },
  ) {
    this.name = `consul at ${connection.address}`;
  }

  async claim(signal?: AbortSignal): Promise<WorkerClaim> {
    const { signal: until, unlink } = linkSignals(signal, this.closing.signal);
    try {
      until.throwIfAborted();
      this.opening ??= openConsulClient(this.connection);
      const client = await this.opening.catch((cause: unknown) => {
        this.opening = undefined;
        throw cause;
      });
      const session = await client.createSession('anthill worker id', this.options.ttlMs, until);
      try {
        return await this.take(client, session, until);
      } catch (cause) {
        await client.destroySession(session).catch(() => {});
        throw cause;
      }
    } finally {
      unlink();
    }
  }

  async close(): Promise<void> {
    this.closing.abort(new Error(`the worker ids of ${this.name} are closed`));
    await this.opening?.then((client) => client.close(), () => {});
  }

  private async take(client: ConsulClient, session: string, signal: AbortSignal): Promise<WorkerClaim> {
    const { prefix, ttlMs, clock, random } = this.options;
    for (let tries = 0; tries < TRIES; tries++) {
      const { rows } = await client.keys(`${prefix}/`, undefined, signal);
      const free = freePlaces(this.name, prefix, rows.map(({ key, value, modifyIndex }) => ({ key, value, version: modifyIndex })), clock.wall());
      const { id, fromMs, version } = free[Math.floor(random.next() * free.length)]!;
      const [holder, until] = [`${prefix}/${id}/holder`, `${prefix}/${id}/until`];
      const untilMs = Math.floor(clock.wall()) + ttlMs;
      const isTaken = await client.transact(
        [
          { Verb: 'lock', Key: holder, Value: `${hostname()} ${process.pid}`, Session: session },
          { Verb: 'cas', Key: until, Value: String(untilMs), Index: Number(version) },
        ],
        signal,
      );
      if (isTaken) return new LeasedClaim({ lease: leaseOf(client, session, holder, until), gone: 'consul no longer has its session', clock, id, ttlMs, fromMs, untilMs, closing: this.closing.signal });
    }
    throw new Error(`${this.name}: ${TRIES} worker ids under ${prefix} were taken by others at the moment we tried for them; try again`);
  }
}

function leaseOf(client: ConsulClient, session: string, holder: string, until: string): ClaimLease {
  const isOurs = { Verb: 'check-session', Key: holder, Session: session } as const;
  return {
    async renew(untilMs, signal) {
      if (!(await client.renewSession(session, signal))) return false;
      return client.transact([isOurs, { Verb: 'set', Key: until, Value: String(untilMs) }], signal);
    },
    async release(fromMs) {
      await client.transact([isOurs, { Verb: 'set', Key: until, Value: String(fromMs) }, { Verb: 'delete', Key: holder }]);
      await client.destroySession(session);
    },
  };
}
