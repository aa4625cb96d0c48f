import { events } from '../../common/events.js';
import type { WireLink } from '../../rpc/wire.js';
import { Remote } from './remote.js';
import { remoteOf } from './token.js';

/** Remotes that nothing was said to for this long are forgotten. */
const IDLE_MS = 60_000;
/** How often processes that owe us replies are looked at, see {@link Pulse}. */
const TICK_MS = 100;
const ROOM_PAUSE_MS = 100;
/** More processes than any cluster has: what comes beyond is made up. */
export const MAX_REMOTES = 20_000;

/** The processes that this one talks to, when what is due to them leaves, and whether they are still there. */
export class Remotes {
  private readonly byAddress = new Map<string, Remote>();
  private readonly byId = new Map<number, Remote>();
  private nextId = 1;
  private dirty: Remote[] = [];
  private flushing: NodeJS.Immediate | undefined;
  private microtask = false;
  private sweepAt: number;
  private roomAt = 0;
  private stopTicking: (() => void) | undefined;
  private readonly flushNow = (): void => this.flush();
  private readonly flushSoon = (): void => {
    this.microtask = false;
    this.flush();
  };

  /** @param address of this process */
  constructor(
    private readonly wireLink: WireLink,
    private readonly address: string,
  ) {
    this.sweepAt = wireLink.clock.now() + IDLE_MS;
  }

  /** Those that something was said to or heard of. */
  all(): Iterable<Remote> {
    return this.byAddress.values();
  }

  find(address: string): Remote | undefined {
    return this.byAddress.get(address);
  }

  ofToken(token: number): Remote | undefined {
    return this.byId.get(remoteOf(token));
  }

  /** A call to somebody waits: from now on they are looked after. */
  watch(): void {
    this.stopTicking ??= this.wireLink.clock.after(TICK_MS, () => this.tick());
  }

  /** Undefined: there are too many. */
  get(address: string): Remote | undefined {
    let remote = this.byAddress.get(address);
    if (remote === undefined) {
      if (this.byAddress.size >= MAX_REMOTES) this.makeRoom();
      if (this.byAddress.size >= MAX_REMOTES) return undefined;
      do this.nextId = (this.nextId + 1) % (2 * MAX_REMOTES);
      while (this.byId.has(this.nextId));
      remote = new Remote(address, this.nextId, this.address, this.wireLink.transport, (dirty) => this.schedule(dirty));
      remote.lastUsedAt = this.wireLink.clock.now();
      this.byAddress.set(address, remote);
      this.byId.set(remote.id, remote);
    }
    return remote;
  }

  /** Sends all that is due. */
  flush(): void {
    if (this.flushing) clearImmediate(this.flushing);
    this.flushing = undefined;
    const { dirty } = this;
    const now = this.wireLink.clock.now();
    this.dirty = [];
    for (const remote of dirty) {
      remote.isDirty = false;
      remote.lastUsedAt = now;
      remote.flush();
    }
    if (now > this.sweepAt) this.sweep(now, IDLE_MS);
  }

  close(): void {
    this.stopTicking?.();
    this.byAddress.clear();
    this.byId.clear();
  }

  /**
   * One flush per turn of the event loop, after all that the turn's messages set off. Where nothing else is under way with a process there
   * is nothing to wait for: that flush comes as soon as the running code is done, so that a lone call pays no extra turn.
   */
  private schedule(remote: Remote): void {
    this.dirty.push(remote);
    if (remote.isQuiet) {
      if (this.microtask) return;
      this.microtask = true;
      queueMicrotask(this.flushSoon);
      return;
    }
    this.flushing ??= setImmediate(this.flushNow);
  }

  /** Looks after the processes that owe us replies. */
  private tick(): void {
    let watched = false;
    for (const remote of this.byAddress.values()) {
      watched ||= remote.isWatched;
      const news = remote.tick();
      if (news === undefined) continue;
      if (news === 'lost' && events.count.hasSubscribers) events.count.publish({ name: 'process.silent', detail: remote.address });
      for (const node of remote.calledNodes) {
        if (news === 'lost') this.wireLink.unreachable(node);
        else this.wireLink.reachable(node);
      }
    }
    this.stopTicking = watched ? this.wireLink.clock.after(TICK_MS, () => this.tick()) : undefined;
  }

  /** Whoever is idle goes, but not at each attempt: strangers would have us search for room all day. */
  private makeRoom(): void {
    const now = this.wireLink.clock.now();
    if (now < this.roomAt) return;
    this.roomAt = now + ROOM_PAUSE_MS;
    this.sweep(now, 0);
  }

  /** Forgets those with whom nothing is under way and nothing was said for so long. */
  private sweep(now: number, idleMs: number): void {
    this.sweepAt = now + IDLE_MS;
    for (const remote of this.byAddress.values()) {
      if (!remote.isIdle || now - remote.lastUsedAt < idleMs) continue;
      this.byAddress.delete(remote.address);
      this.byId.delete(remote.id);
    }
  }
}
