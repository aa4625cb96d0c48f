/** A connection of its own, outside of the pool. */
export interface SideConnection {
  query(sql: string): Promise<unknown>;
  /** At once, whatever it does. */
  destroy(): void;
}

interface Errand {
  readonly sql: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** More that wait are refused: each has a statement behind it whose connection is thrown away then. */
const MAX_ERRANDS = 256;

/**
 * Says to a server what cannot go through the pool, because that is busy with what it is about: break off a statement, are you there. One
 * short-lived connection at a time, shared by all that is due.
 */
export class SideLine {
  private readonly errands: Errand[] = [];
  private isOut = false;

  /**
   * @param open bounded
   * @param within the result, or a rejection after the time for one statement
   */
  constructor(
    private readonly open: () => Promise<SideConnection>,
    private readonly within: <T>(work: Promise<T>) => Promise<T>,
  ) {}

  run(sql: string): Promise<void> {
    if (this.errands.length >= MAX_ERRANDS) return Promise.reject(new Error(`${MAX_ERRANDS} wait already`));
    return new Promise<void>((resolve, reject) => {
      this.errands.push({ sql, resolve, reject });
      if (!this.isOut) void this.goOut();
    });
  }

  private async goOut(): Promise<void> {
    this.isOut = true;
    let connection: SideConnection | undefined;
    let errand = this.errands.shift();
    try {
      connection = await this.open();
      for (; errand !== undefined; errand = this.errands.shift()) {
        const { sql, resolve, reject } = errand;
        try {
          await this.within(connection.query(sql));
          resolve();
        } catch (error) {
          reject(error);
          // The server's own word; anything else means that nobody is there.
          if (!isAnswer(error)) throw error;
        }
      }
    } catch (error) {
      errand?.reject(error);
      for (const left of this.errands.splice(0)) left.reject(error);
    } finally {
      connection?.destroy();
      this.isOut = false;
      if (this.errands.length > 0) void this.goOut();
    }
  }
}

/** Errors that a server has sent have a state of SQL: five characters. */
export function isAnswer(error: unknown): boolean {
  const { sqlState, code } = (error ?? {}) as { sqlState?: unknown; code?: unknown };
  return typeof sqlState === 'string' || (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E'));
}
