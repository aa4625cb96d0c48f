import type { Clock } from '../common/clock.js';
import { RpcError } from '../common/rpc-error.js';
import type { Discovery } from '../registry/registry.js';

const MOST_MISSES = 1024;
/** Names we never saw that may be asked of the registry at once, and per second after that. */
const BURST = 50;
const PER_SECOND = 20;
/** How old the list of names may be when it answers for the registry. */
const LIST_MAX_AGE_MS = 1000;

/**
 * Service names that turned out to be nobody's. Names can come from strangers (a gate takes them from client topics), so a name costs one
 * question at most, remembered for a while in a bounded table; and when names that nobody saw come in a flood, one list of all services per second answers for all of
 * them. In mqant each such name starts a watcher that never ends (W-36).
 */
export class UnknownServices {
  private readonly misses = new Map<string, { until: number; error: RpcError }>();
  private allowance = BURST;
  private refilledAt: number;
  private listed: { at: number; names: Promise<ReadonlySet<string>> } | undefined;

  constructor(private readonly discovery: Discovery, private readonly clock: Clock, private readonly ttlMs: number) {
    this.refilledAt = clock.now();
  }

  get size(): number {
    return this.misses.size;
  }

  /** The error for a name that was asked for a moment ago. */
  recall(name: string): RpcError | undefined {
    const miss = this.misses.get(name);
    if (miss === undefined) return undefined;
    // A new object: each caller gets an error of his own, with his stack.
    if (miss.until > this.clock.now()) return new RpcError({ ...miss.error, message: miss.error.message, cause: miss.error.cause });
    this.misses.delete(name);
    return undefined;
  }

  remember(name: string, error: RpcError): RpcError {
    this.misses.delete(name);
    if (this.misses.size >= MOST_MISSES) this.misses.delete(this.misses.keys().next().value!);
    this.misses.set(name, { until: this.clock.now() + this.ttlMs, error });
    return error;
  }

  forget(name: string): void {
    this.misses.delete(name);
  }

  /** Takes one question from the allowance; false when it is used up, and the list of services must answer. */
  withinAllowance(): boolean {
    const now = this.clock.now();
    this.allowance = Math.min(BURST, this.allowance + ((now - this.refilledAt) * PER_SECOND) / 1000);
    this.refilledAt = now;
    if (this.allowance < 1) return false;
    this.allowance--;
    return true;
  }

  /** Names of services, at most a second old; one question for all who ask meanwhile. */
  names(): Promise<ReadonlySet<string>> {
    const now = this.clock.now();
    if (this.listed === undefined || now - this.listed.at > LIST_MAX_AGE_MS) {
      this.listed = { at: now, names: this.discovery.list().then((names) => new Set(names)) };
      // A failure serves its second too: a registry that is away is not asked more often than one that answers.
      this.listed.names.catch(() => {});
    }
    return this.listed.names;
  }
}
