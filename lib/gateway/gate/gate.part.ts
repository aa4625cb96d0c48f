import { Inject, Injectable, Logger as NestLog, type OnModuleInit } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { BootError } from '../../common/boot-error.js';
import { sleep, systemClock, systemRandom } from '../../common/clock.js';
import type { AppPart, HealthReport } from '../../common/lifecycle.js';
import type { Logger } from '../../common/logger.js';
import { AppPartProvider } from '../../metadata/app-part.decorator.js';
import { RPC_MODULE } from '../../metadata/rpc-module.decorator.js';
import { APP_HANDLE, type AppHandle } from '../../metadata/tokens.js';
import { RpcSessionLink } from '../../rpc/session-link.js';
import type { Rpc } from '../../rpc/rpc.client.js';
import type { ServiceHost } from '../../rpc/service-host.js';
import { NestLogger } from '../../wiring/nest-logger.js';
import { Doorkeeper } from './admission.js';
import { agentFactory } from './agent-factory.js';
import type { AgentFactory, AgentSettings } from './agent.js';
import { connectionDeadlines } from './connection-agent.js';
import type { ByteConnection } from './connection.js';
import type { GateClient } from './gate-client.js';
import { GateCore } from './gate-core.js';
import { gateFunctions } from './gate-functions.js';
import { type Authenticate, type Authenticator, type GateOptions, type ResolvedGateOptions, resolveGateOptions } from './gate.options.js';
import { LiveSession } from './live-session.js';
import type { GateListener } from './listen/listener.js';
import { TcpListener } from './listen/tcp.listener.js';
import { WsListener } from './listen/ws.listener.js';
import { memoryGateStore } from './store/memory.store.js';

export const GATE_OPTIONS: unique symbol = Symbol('options of a gate');

/** A gate that falls silent for so long is taken for dead, and its clients for gone. */
const BEAT_TTL_MS = 15_000;
const BEAT_MS = 5000;
/** After one that failed: the store may be back at any moment, and then everybody waits for this. */
const BEAT_AGAIN_MS = 1000;
/** Clients are told to go over this time, so that they do not all come to the next gate at once. */
const DRAIN_MS = 2000;
/** Few clients go at once. */
const DRAIN_AT_ONCE = 50;

/** A gate's place in the life of the app: functions on its module's node, listeners last up and first down. */
@AppPartProvider()
@Injectable()
export class GatePart implements AppPart, OnModuleInit {
  readonly name = 'gate';
  readonly phase = 'ingress';
  private core!: GateCore;
  private options!: ResolvedGateOptions;
  private doorkeeper!: Doorkeeper;
  private createAgent!: AgentFactory;
  private agentSettings!: AgentSettings;
  private readonly listeners: GateListener[] = [];
  private readonly logger: Logger = new NestLogger(new NestLog(), 'Gate');
  private stopBeating: (() => void) | undefined;

  constructor(
    @Inject(GATE_OPTIONS) private readonly given: GateOptions,
    @Inject(APP_HANDLE) private readonly app: AppHandle & ServiceHost,
    private readonly modules: ModulesContainer,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** @throws BootError GATE_MODULE, GATE_OPTIONS, DUPLICATE_HANDLER */
  async onModuleInit(): Promise<void> {
    const type = this.ownerType();
    const host = this.app.hostOf(type);
    if (host === undefined) throw new BootError('GATE_MODULE', `the module '${type}' imports GateModule, but does not run in this process`);
    this.options = resolveGateOptions(this.given, this.app.settingsOf(type) as Record<string, unknown>, await this.authenticate());
    const rpc = this.app.rpcOf(type) as Rpc;
    const store = this.options.store ?? memoryGateStore();
    this.core = new GateCore({ options: this.options, store, gateId: host.nodeId, rpc, link: new RpcSessionLink(rpc), clock: systemClock, random: systemRandom, logger: this.logger });
    for (const descriptor of gateFunctions(this.core)) host.add(descriptor);
    this.doorkeeper = new Doorkeeper(this.options.limits, systemClock);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { store, gateId } = this.core;
    await store.connect(signal);
    await this.warnIfAlone();
    // What a predecessor of this id has left, who had no time to say so.
    await store.retire(gateId);
    await store.beat(gateId, BEAT_TTL_MS);
    this.beatLater(BEAT_MS);
    this.createAgent = this.options.createAgent ?? agentFactory(systemClock);
    const { connectTimeoutMs, packetBytes, idleTimeoutMs, outboundBytes } = this.options.limits;
    this.agentSettings = Object.freeze({ connectTimeoutMs, maxPacketBytes: packetBytes, idleTimeoutMs, outboundBytes, deadlines: connectionDeadlines(systemClock) });
    const { tcp, websocket, tls, trustedProxies, limits } = this.options;
    if (tcp) this.listeners.push(new TcpListener(tcp, tls, limits.connections));
    if (websocket) this.listeners.push(new WsListener(websocket, { maxPayload: limits.packetBytes + 16, maxConnections: limits.connections, ...(tls && { tls }), ...(trustedProxies && { trustedProxies }) }));
    for (const listener of this.listeners) {
      await listener.start((connection) => this.accept(connection));
      this.logger.info(`clients can connect over ${listener.name}`, { port: listener.port });
    }
  }

  /** Clients go one after the other: those that can resume find another gate, and none of them all at once. */
  async stop(signal: AbortSignal): Promise<void> {
    if (this.core === undefined) return;
    this.core.isDraining = true;
    await Promise.all(this.listeners.map((listener) => listener.stop()));
    const sessions = [...this.core.connections];
    signal.addEventListener('abort', () => sessions.forEach((session) => session.close('drain')), { once: true });
    await this.inTurn(sessions, (session) => session.dismiss(), signal);
    await this.core.idle(signal);
    this.stopBeating?.();
    await this.core.tried('tell the others that it goes', () => this.core.store.retire(this.core.gateId));
    await this.core.store.close();
  }

  /** Few at once; many over a while, so that they do not all come to the next gate in one moment. */
  private async inTurn(sessions: readonly GateClient[], send: (session: GateClient) => Promise<void> | void, signal: AbortSignal): Promise<void> {
    const batches = sessions.length <= DRAIN_AT_ONCE ? 1 : 20;
    const size = Math.ceil(sessions.length / batches);
    const sent: (Promise<void> | void)[] = [];
    for (let i = 0; i < batches; i++) {
      if (i > 0 && !signal.aborted) await sleep(systemClock, DRAIN_MS / batches, signal, true);
      sent.push(...sessions.slice(i * size, (i + 1) * size).map(send));
    }
    await Promise.all(sent);
  }

  health(): HealthReport {
    return this.core.store.health();
  }

  /** Ports by listener name. */
  get ports(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.listeners.map(({ name, port }) => [name, port]));
  }

  /** Clients that are connected and let in. */
  get clients(): number {
    return this.core.table.size;
  }

  private accept(connection: ByteConnection): void {
    const { address } = connection.remote;
    const refusal = this.core.isDraining ? 'draining' : this.doorkeeper.enter(address);
    if (refusal !== undefined) {
      this.core.count('gate.connection_refused', refusal);
      // All behind one proxy look like one address.
      if (refusal !== 'draining') this.core.background.warn(`let in a connection: limits.${refusal} is reached; clients behind a proxy count as one address unless trustedProxies names it`, { address });
      return connection.destroy();
    }
    const session = new LiveSession(this.core, connection, () => this.doorkeeper.leave(address));
    session.agent = this.createAgent(connection, session, this.agentSettings);
    session.agent.start();
  }

  private beatLater(ms: number): void {
    this.stopBeating = systemClock.after(ms, () => void this.beat());
  }

  private async beat(): Promise<void> {
    const { core } = this;
    let next = BEAT_AGAIN_MS;
    await core.tried('tell the others that it lives', async () => {
      const lived = await core.store.beat(core.gateId, BEAT_TTL_MS);
      if (!lived) await this.reclaim();
      void core.background.settle();
      next = BEAT_MS;
    });
    if (!core.isDraining) this.beatLater(next);
  }

  /** The others took this gate for dead, or the store has forgotten everything. Clients whose session is lost begin anew: they are told so when they come again. */
  private async reclaim(): Promise<void> {
    const { core } = this;
    const sessions = [...core.table.all()];
    const lost = new Set(await core.store.reclaim(core.gateId, sessions.map(({ state }) => state.sessionId)));
    if (lost.size > 0) this.logger.warn(`the store of ${core.gateId} does not know ${lost.size} of its sessions any more; their clients have to come again`);
    const repair = (session: GateClient): Promise<void> | void => (lost.has(session.state.sessionId) ? session.takenOver('lost') : session.catchUp());
    await this.inTurn(sessions, repair, new AbortController().signal);
  }

  /** Two gates that know nothing of each other look well until a push is for a client of the other one. */
  private async warnIfAlone(): Promise<void> {
    const { store, gateId, rpc } = this.core;
    if (store.isShared) return;
    const type = gateId.slice(0, gateId.indexOf('@'));
    const others = (await rpc.nodes(type).catch(() => [])).filter(({ id }) => id !== gateId);
    if (others.length === 0) return;
    this.logger.warn(`there are other gates of type '${type}', and this one keeps its sessions in memory: users, groups and pushes of one gate are unknown to the others; give them a shared store`, {
      gates: others.map(({ id }) => id).join(', '),
    });
  }

  private async authenticate(): Promise<Authenticate | undefined> {
    const { auth } = this.given;
    if (auth === undefined || !isClass(auth)) return auth as Authenticate | undefined;
    const instance = await this.instanceOf(auth as new (...args: never[]) => Authenticator);
    return (credentials) => instance.authenticate(credentials);
  }

  private async instanceOf(classRef: new (...args: never[]) => Authenticator): Promise<Authenticator> {
    try {
      return this.moduleRef.get(classRef, { strict: false });
    } catch {
      return this.moduleRef.create(classRef as never);
    }
  }

  /** The module whose node this gate is: the RpcModule that imports it. */
  private ownerType(): string {
    const own = [...this.modules.values()].find((module) => [...module.providers.values()].some(({ instance }) => instance === this));
    for (const module of this.modules.values()) {
      const options = RPC_MODULE.own(module.metatype);
      if (options && own && module.imports.has(own)) return options.type;
    }
    throw new BootError('GATE_MODULE', "GateModule is imported by no @RpcModule: a gate is a node of its own; write @RpcModule({ type: 'Gate', imports: [GateModule.forRoot({ ... })] })");
  }
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && typeof (value.prototype as { authenticate?: unknown } | undefined)?.authenticate === 'function';
}
