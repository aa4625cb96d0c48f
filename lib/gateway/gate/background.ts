import type { Clock } from '../../common/clock.js';
import type { Logger } from '../../common/logger.js';

/** A store that is away fails every call: one line for each kind of work, once in a while. */
const WARN_MS = 10_000;
/** As many as a gate has clients. */
const MOST_OWED = 50_000;

/** What a gate does without anybody waiting for it. */
export class Background {
  private owed: { readonly what: string; readonly work: () => Promise<unknown> }[] = [];
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

  /** As {@link tried}, and once more with {@link settle}: for what would stay wrong in the store. */
  async insist(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.warn(what, { error });
      if (this.owed.length < MOST_OWED) this.owed.push({ what, work });
    }
  }

  /** The store is there: what could not be done is done. */
  async settle(): Promise<void> {
    const owed = this.owed;
    this.owed = [];
    for (const { what, work } of owed) await this.insist(what, work);
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
