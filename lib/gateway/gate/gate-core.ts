import type { Clock, RandomSource } from '../../common/clock.js';
import { rpcError } from '../../common/error-catalog.js';
import { events } from '../../common/events.js';
import type { Logger } from '../../common/logger.js';
import type { SessionLink } from '../../common/session.js';
import type { GateSession } from '../../rpc/gate-session.js';
import type { Rpc } from '../../rpc/rpc.client.js';
import { Background } from './background.js';
import { type ClientHello, type PushMessage, RefusedClient } from './agent.js';
import type { ByteConnection } from './connection.js';
import type { GateClient } from './gate-client.js';
import { KeptGuests } from './admission.js';
import { mqantEnvelope, type ReplyEnvelope } from './envelope.js';
import type { GateIdentity, ResolvedGateOptions } from './gate.options.js';
import { Handover } from './handover.js';
import { mqantRoute } from './mqant-route.js';
import { Publisher } from './publisher.js';
import type { RouteContext, RouteHandler } from './route.js';
import { SessionTable } from './session-table.js';
import type { GateStore, OpenedSession, SessionPlace, StoredSession } from './store/gate-store.js';

/** What a gate works with. */
export interface GateDeps {
  readonly options: ResolvedGateOptions;
  readonly store: GateStore;
  /** `type@id` of the node whose module imports the gate. */
  readonly gateId: string;
  readonly rpc: Rpc;
  readonly link: SessionLink;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}

/** A client does not wait longer for its own old connection at a gate that may be dead. */
const DISPLACE_MS = 1000;
const EVERYBODY: GateIdentity = Object.freeze({});

/** What all clients of one gate share. Knows no socket and no protocol. */
export class GateCore {
  readonly table = new SessionTable();
  readonly publisher = new Publisher(this);
  readonly handover: Handover;
  readonly keptGuests: KeptGuests;
  readonly envelope: ReplyEnvelope;
  readonly route: RouteHandler;
  readonly background: Background;
  isDraining = false;
  private readonly present = new Set<GateClient>();
  private readonly following = new Set<Promise<void>>();
  private readonly services: ReadonlySet<string> | undefined;

  constructor(private readonly deps: GateDeps) {
    this.background = new Background(deps.gateId, deps.clock, deps.logger);
    this.handover = new Handover(this);
    this.keptGuests = new KeptGuests(deps.options.limits.keptGuestsPerAddress, deps.options.keepMs, deps.clock);
    this.envelope = deps.options.envelope ?? mqantEnvelope;
    this.route = deps.options.route ?? mqantRoute;
    this.services = deps.options.services && new Set(deps.options.services);
  }

  get options(): ResolvedGateOptions {
    return this.deps.options;
  }
  get store(): GateStore {
    return this.deps.store;
  }
  get gateId(): string {
    return this.deps.gateId;
  }
  get link(): SessionLink {
    return this.deps.link;
  }
  get clock(): Clock {
    return this.deps.clock;
  }
  get random(): RandomSource {
    return this.deps.random;
  }
  get logger(): Logger {
    return this.deps.logger;
  }
  get rpc(): Rpc {
    return this.deps.rpc;
  }

  /** Connections, those that have not said who they are among them. */
  get connections(): Iterable<GateClient> {
    return this.present;
  }

  get size(): number {
    return this.present.size;
  }

  /** A new connection: the session does not count before it is admitted. */
  entered(session: GateClient): void {
    this.present.add(session);
  }

  left(session: GateClient): void {
    this.present.delete(session);
  }

  /** Something that goes on after a client has left: a stopping gate waits for it. */
  follow(work: Promise<void>): void {
    this.following.add(work);
    void work.finally(() => this.following.delete(work));
  }

  /** Resolves when all that goes on is done, or `signal` aborts. */
  async idle(signal: AbortSignal): Promise<void> {
    while (this.following.size > 0 && !signal.aborted) {
      await Promise.race([Promise.all(this.following), new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))]);
    }
  }

  /** @throws RefusedClient */
  async identify({ clientId, username, password }: ClientHello, { remote, network }: ByteConnection): Promise<GateIdentity> {
    const { auth } = this.options;
    if (auth === undefined) return EVERYBODY;
    let identity: GateIdentity | undefined;
    try {
      identity = await auth({ clientId, remote, network, ...(username !== undefined && { username }), ...(password && { password }) });
    } catch (error) {
      if (error instanceof RefusedClient) throw error;
      this.logger.error('the authentication of a client failed; it was not let in', { address: remote.address, error });
      throw new RefusedClient('unavailable', 'nobody can tell who it is just now');
    }
    if (identity === undefined) throw new RefusedClient('credentials', 'user name or password are wrong');
    return identity;
  }

  /**
   * A session is resumed by whom it belongs to: a guest's by its client id, a user's by that user only. Client ids can be guessed, and what waits for a user is
   * nobody else's.
   */
  async openSession(wanted: StoredSession, userId: string, isKept: boolean): Promise<OpenedSession> {
    // With its length in front, so that no client id can look like the user and the client id of somebody else.
    const owned = { ...wanted, clientId: `${userId.length}/${userId}/${wanted.clientId}` };
    const keepMs = isKept ? this.options.keepMs : 0;
    let opened = await this.store.open(owned, this.gateId, keepMs);
    if (opened.displaced) await this.displace(opened.displaced, 'TakeOver');
    if (opened.resumed && opened.session.userId !== '' && opened.session.userId !== userId) {
      // Dropped, then begun anew.
      await this.store.open(owned, this.gateId, 0);
      await this.store.release(owned.sessionId, this.gateId, 0);
      opened = await this.store.open(owned, this.gateId, keepMs);
    }
    return opened;
  }

  /** Binds a user, with what the app's storage knows of it. @throws RpcError USER_REFUSED */
  async bind(session: GateClient, userId: string): Promise<void> {
    const { sessionId, settings } = session.state;
    const { bound, displaced } = await this.store.bind(sessionId, userId, this.options.onDuplicate);
    if (!bound) throw rpcError('USER_REFUSED', `user ${userId} is connected already, and this gate lets nobody in twice (onDuplicate: 'refuse')`);
    await Promise.all(displaced.map((place) => this.displace(place, 'Displace')));
    const stored = await this.options.hooks?.storage?.query(userId);
    session.become({ userId, settings: Object.freeze({ ...stored, ...settings }) });
    await this.saved(session);
  }

  async unbind(session: GateClient): Promise<void> {
    await this.store.unbind(session.state.sessionId);
    const before = session.view();
    session.become({ userId: '' });
    await this.options.hooks?.storage?.delete?.(before);
  }

  /** After a change of settings. */
  async change(session: GateClient, settings: Readonly<Record<string, string>>): Promise<void> {
    session.become({ settings: Object.freeze(settings) });
    await this.saved(session);
  }

  private async saved(session: GateClient): Promise<void> {
    const { sessionId, settings, userId } = session.state;
    if (session.isKept) await this.store.save(sessionId, { settings });
    if (userId !== '') await this.options.hooks?.storage?.save(session.view());
  }

  /**
   * Ends a connection here or at another gate; one that is away is only forgotten.
   * @param how `TakeOver`: by the same client, whose session it was; `Displace`: by another client of the same user
   */
  async displace({ sessionId, gateId }: SessionPlace, how: 'Displace' | 'TakeOver'): Promise<void> {
    if (gateId === this.gateId) this.displaceHere(sessionId, how);
    else if (gateId !== undefined) await this.tried('close a session at another gate', () => this.rpc.call(gateId, how, [null, sessionId], { timeoutMs: DISPLACE_MS }));
  }

  displaceHere(sessionId: string, how: 'Displace' | 'TakeOver'): void {
    if (how === 'TakeOver') this.table.holder(sessionId)?.takenOver('displaced');
    else this.table.get(sessionId)?.close('displaced');
  }

  /** What routes of this client's messages work with. Its signal is made when one asks for it. */
  contextOf(client: { readonly signal: AbortSignal }): RouteContext {
    const { services, rpc, options } = this;
    return {
      rpc,
      timeoutMs: options.timeoutMs,
      allows: (service) => services === undefined || services.has(service),
      isCall: (service, fn) => fn.startsWith('HD_') || (options.handlers === 'public' && services!.has(service)),
      get signal() {
        return client.signal;
      },
    };
  }

  /** By the app's rule; undefined: it has none. */
  isGuest(session: GateSession): boolean | undefined {
    try {
      return this.options.hooks?.isGuest?.(session);
    } catch (error) {
      this.logger.error('the gate hook isGuest failed', { error });
      return undefined;
    }
  }

  /** What really leaves; nothing where the app holds it back, or its hook fails. */
  outgoing(session: GateClient, { topic, body }: PushMessage): Uint8Array | 'held' | 'failed' {
    const { hooks } = this.options;
    if (hooks?.sending === undefined) return body;
    try {
      return hooks.sending(session.view(topic), topic, body) ?? 'held';
    } catch (error) {
      this.logger.error('the gate hook sending failed; the message was not sent', { topic, error });
      return 'failed';
    }
  }

  count(name: string, detail?: string): void {
    if (events.count.hasSubscribers) events.count.publish({ name, ...(detail !== undefined && { detail }) });
  }

  /** Work nobody waits for: what goes wrong is logged. */
  tried(what: string, work: () => Promise<unknown>): Promise<void> {
    return this.background.tried(what, work);
  }
}
