import { openConsulClient, type ConsulClient } from '../../backend/consul/consul.client.js';
import { CONSUL_CONNECTION_KEYS, type ConsulConnectionOptions, resolveConsulConnection, wrongConsulOption } from '../../backend/consul/consul.connection.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../../common/clock.js';
import { didYouMean } from '../../common/did-you-mean.js';
import type { WorkerIds } from '../../common/worker-ids.js';
import type { ClaimLease } from '../leased-claim.js';
import { LeasedWorkerIds, type WorkerStore } from '../leased-worker-ids.js';

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
  const connection = resolveConsulConnection(options);
  return new LeasedWorkerIds({
    name: `consul at ${connection.address}`,
    prefix,
    ttlMs,
    gone: 'consul no longer has its session',
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    open: async () => storeOf(await openConsulClient(connection), prefix, ttlMs),
  });
}

function storeOf(client: ConsulClient, prefix: string, ttlMs: number): WorkerStore<string> {
  return {
    grant: (signal) => client.createSession('anthill worker id', ttlMs, signal),
    end: (session) => client.destroySession(session),
    async rows(signal) {
      const { rows } = await client.keys(`${prefix}/`, undefined, signal);
      return rows.map(({ key, value, modifyIndex }) => ({ key, value, version: modifyIndex }));
    },
    take: ({ holder, until }, session, signal) =>
      client.transact(
        [
          { Verb: 'lock', Key: holder.key, Value: holder.value, Session: session },
          { Verb: 'cas', Key: until.key, Value: until.value, Index: Number(until.version) },
        ],
        signal,
      ),
    hold: (session, holderKey, untilKey) => leaseOf(client, session, holderKey, untilKey),
    close: () => client.close(),
  };
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
