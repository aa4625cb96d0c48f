import {
  CONSUL_CONNECTION_KEYS,
  type ConsulConnection,
  type ConsulConnectionOptions,
  resolveConsulConnection,
  wrongConsulOption,
} from '../../backend/consul/consul.connection.js';
import type { Clock, RandomSource } from '../../common/clock.js';
import { systemClock, systemRandom } from '../../common/clock.js';
import { didYouMean } from '../../common/did-you-mean.js';
import { silentLogger, type Logger } from '../../common/logger.js';
import type { RegistrationChoice } from '../../common/registration-choice.js';
import type { ConsulRecord } from './consul.record.js';
import { recordsOf } from './record-choice.js';

/** Where Consul is and how the registry uses it; all optional. @public */
export interface ConsulOptions extends ConsulConnectionOptions {
  /**
   * How nodes are written, and under which names services are looked for: `mqantRecord()`, `grpcRecord({ ... })`, `hrpcRecord({ ... })`, their names, or several of
   * them. Rows of all these kinds are read whatever is chosen. A module can choose for itself (`@RpcModule({ registration })`). @default mqantRecord()
   */
  record?: RegistrationChoice;
  /** How long Consul may hold a watch that has nothing new (a blocking query). Also the time in which a silently dead connection is noticed. @default 30000 */
  waitMs?: number;
  /**
   * After Consul was away or has lost its state, nodes missing in its answers are kept this long, so that a restart of Consul does not
   * empty the list before all nodes have registered again (they do within their interval, 10 s). 0 believes it at once. @default 15000
   */
  holdMs?: number;
  /**
   * Watches beyond this many ask every 5 s instead of holding a connection: an agent allows 200 connections per client address
   * (`limits.http_max_conns_per_client`). @default 64
   */
  maxHeldConnections?: number;
  /** @default silent */
  logger?: Logger;
  /** For tests. @default the machine's */
  clock?: Clock;
  /** For tests. @default the machine's */
  random?: RandomSource;
}

/** Options with defaults, checked. */
export interface ResolvedConsulOptions extends ConsulConnection {
  readonly records: readonly ConsulRecord[];
  readonly waitMs: number;
  readonly holdMs: number;
  readonly maxHeldConnections: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomSource;
}

const KNOWN = [...CONSUL_CONNECTION_KEYS, 'record', 'waitMs', 'holdMs', 'maxHeldConnections', 'logger', 'clock', 'random'] as const satisfies readonly (keyof ConsulOptions)[];
/** The least that each number may be. Consul answers a watch early below a second or so; a 0 would be its default of 5 minutes. */
const MINIMA = { waitMs: 1000, holdMs: 0, maxHeldConnections: 0 } as const;

/** @throws BootError CONSUL_OPTIONS */
export function resolveConsulOptions(options: ConsulOptions): Readonly<ResolvedConsulOptions> {
  for (const key of Object.keys(options)) {
    if (!(KNOWN as readonly string[]).includes(key)) throw wrongConsulOption(`unknown option "${key}"${didYouMean(key, KNOWN)}`);
  }
  const { waitMs = 30_000, holdMs = 15_000, maxHeldConnections = 64 } = options;
  for (const [key, value] of Object.entries({ waitMs, holdMs, maxHeldConnections })) {
    const least = MINIMA[key as keyof typeof MINIMA];
    if (!Number.isFinite(value) || value < least) throw wrongConsulOption(`${key} must be a number of at least ${least}, got ${value}`);
  }
  return Object.freeze({
    ...resolveConsulConnection(options),
    records: recordsOf(options.record ?? 'mqant', 'consul({ record })'),
    waitMs,
    holdMs,
    maxHeldConnections,
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  });
}
