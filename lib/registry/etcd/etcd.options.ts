import { ETCD_CONNECTION_KEYS, resolveEtcdConnection, wrongEtcdOption, type EtcdConnection, type EtcdConnectionOptions } from '../../backend/etcd/etcd.connection.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../../common/clock.js';
import { didYouMean } from '../../common/did-you-mean.js';
import { silentLogger, type Logger } from '../../common/logger.js';

/** Where etcd is and how the registry uses it; all optional. @public */
export interface EtcdOptions extends EtcdConnectionOptions {
  /** Where the records stand. mqant cannot have another; go-micro's is `/micro/registry`. @default '/mqant-registry' */
  prefix?: string;
  /**
   * After etcd was away or has lost its state, nodes missing in its list are kept this long, until all that live have registered again (they do
   * within their interval, 10 s). 0 believes it at once. @default 15000
   */
  holdMs?: number;
  /** @default silent */
  logger?: Logger;
  /** For tests. @default the machine's */
  clock?: Clock;
  /** For tests. @default the machine's */
  random?: RandomSource;
}

/** Options with defaults, checked. */
export interface ResolvedEtcdOptions extends EtcdConnection {
  /** Without a slash at its end. */
  readonly prefix: string;
  readonly holdMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomSource;
}

const KNOWN = [...ETCD_CONNECTION_KEYS, 'prefix', 'holdMs', 'logger', 'clock', 'random'] as const satisfies readonly (keyof EtcdOptions)[];

/** @throws BootError ETCD_OPTIONS */
export function resolveEtcdOptions(options: EtcdOptions): Readonly<ResolvedEtcdOptions> {
  for (const key of Object.keys(options)) {
    if (!(KNOWN as readonly string[]).includes(key)) throw wrongEtcdOption(`unknown option "${key}"${didYouMean(key, KNOWN)}`);
  }
  const { holdMs = 15_000 } = options;
  if (!Number.isFinite(holdMs) || holdMs < 0) throw wrongEtcdOption(`holdMs must be a number of at least 0, got ${holdMs}`);
  const prefix = (options.prefix ?? '/mqant-registry').replace(/\/+$/, '');
  if (prefix === '') throw wrongEtcdOption('prefix is empty; all keys of etcd would be records. Try "/mqant-registry", or leave it out');
  return Object.freeze({
    ...resolveEtcdConnection(options),
    prefix,
    holdMs,
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  });
}
