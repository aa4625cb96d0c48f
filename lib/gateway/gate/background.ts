import type { Clock } from '../../common/clock.js';
import type { Logger } from '../../common/logger.js';

/** A store that is away fails every call: one line for each kind of work, once in a while. */
const WARN_MS = 10_000;
const AT_ONCE = 100;
/** As many as a gate has clients. */
const MOST_OWED = 50_000;

/** What a gate does without anybody waiting for it. */
export class Background {
  private owed: { readonly what: string; readonly work: () => Promise<unknown> }[] = [];
  private isSettling = false;
  private readonly warned = new Map<string, { readonly at: number; untold: number }>();

  constructor(
    private readonly gateId: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** What goes wrong is logged. */
  async tried(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.warn(what, { error });
    }
  }

  /** As {@link tried}, and again with {@link settle} until it works: for what would stay wrong. */
  async insist(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.warn(what, { error });
      this.owe(what, work);
    }
  }

  /** To be done with {@link settle}. @returns false when too much is owed already */
  owe(what: string, work: () => Promise<unknown>): boolean {
    if (this.owed.length >= MOST_OWED) return false;
    this.owed.push({ what, work });
    return true;
  }

  /** Now and then, while the store is there. */
  async settle(): Promise<void> {
    if (this.isSettling) return;
    this.isSettling = true;
    const owed = this.owed;
    this.owed = [];
    for (let i = 0; i < owed.length; i += AT_ONCE) await Promise.all(owed.slice(i, i + AT_ONCE).map(({ what, work }) => this.insist(what, work)));
    this.isSettling = false;
  }

  /** One line for each kind of work, once in a while. */
  warn(what: string, details: Readonly<Record<string, unknown>>): void {
    const now = this.clock.now();
    const before = this.warned.get(what);
    if (before !== undefined && now - before.at < WARN_MS) return void before.untold++;
    this.warned.set(what, { at: now, untold: 0 });
    this.logger.warn(`${this.gateId} could not ${what}`, { ...details, ...(before !== undefined && before.untold > 0 && { untold: before.untold }) });
  }
}
