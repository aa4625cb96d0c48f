import type { Clock } from '../../common/clock.js';
import type { GateLimits } from './gate.options.js';

/** How many connections an address has, and how fast they come. */
interface Visitor {
  open: number;
  tokens: number;
  filledAt: number;
}

/** Lets connections in, or not, before a byte of them is read. */
export class Doorkeeper {
  private readonly visitors = new Map<string, Visitor>();
  private open = 0;

  constructor(
    private readonly limits: Required<GateLimits>,
    private readonly clock: Clock,
  ) {}

  /** Why not; undefined lets it in: then {@link leave} is to be called once. */
  enter(address: string): 'connections' | 'connectionsPerAddress' | 'connectsPerSecond' | undefined {
    const { connections, connectionsPerAddress, connectsPerSecond } = this.limits;
    if (this.open >= connections) return 'connections';
    const now = this.clock.now();
    let visitor = this.visitors.get(address);
    if (visitor === undefined) this.visitors.set(address, (visitor = { open: 0, tokens: connectsPerSecond, filledAt: now }));
    if (visitor.open >= connectionsPerAddress) return 'connectionsPerAddress';
    visitor.tokens = Math.min(connectsPerSecond, visitor.tokens + ((now - visitor.filledAt) * connectsPerSecond) / 1000);
    visitor.filledAt = now;
    if (visitor.tokens < 1) return 'connectsPerSecond';
    visitor.tokens--;
    visitor.open++;
    this.open++;
    return undefined;
  }

  leave(address: string): void {
    this.open--;
    const visitor = this.visitors.get(address);
    if (visitor === undefined) return;
    visitor.open--;
    if (visitor.open === 0) this.forgetLater(address, visitor);
  }

  /** Not at once: who comes and goes all the time is counted by its rate. */
  private forgetLater(address: string, visitor: Visitor): void {
    this.clock.after(1000, () => {
      if (visitor.open === 0 && this.visitors.get(address) === visitor) this.visitors.delete(address);
    });
  }
}

/** Sessions that guests have begun and that outlive their connections: they cost the store something after the guest is gone. */
export class KeptGuests {
  private readonly begun = new Map<string, number>();

  constructor(
    private readonly most: number,
    private readonly keepMs: number,
    private readonly clock: Clock,
  ) {}

  /** False: the address has begun as many within `keepMs`. */
  enter(address: string): boolean {
    const count = this.begun.get(address) ?? 0;
    if (count >= this.most) return false;
    if (count === 0) this.clock.after(this.keepMs, () => this.begun.delete(address));
    this.begun.set(address, count + 1);
    return true;
  }
}
