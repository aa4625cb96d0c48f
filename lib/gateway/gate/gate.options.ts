import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Type } from '@nestjs/common';
import { BootError } from '../../common/boot-error.js';
import { didYouMean } from '../../common/did-you-mean.js';
import { messageOf } from '../../common/message-of.js';
import type { AgentFactory, ClientHello } from './agent.js';
import type { RemotePeer } from './connection.js';
import type { ReplyEnvelope } from './envelope.js';
import type { GateHooks } from './gate-hooks.js';
import type { RouteHandler } from './route.js';
import type { DuplicatePolicy, GateStore } from './store/gate-store.js';

/** Where a gate listens. @public */
export interface ListenOptions {
  /** @default all interfaces */
  host?: string;
  /** 0 takes a free one. */
  port: number;
}

/** @public */
export interface WebSocketOptions extends ListenOptions {
  /** Only this path is served. @default any, as in mqant */
  path?: string;
  /** Pages that may connect, as the browser's Origin header names them. @default all */
  origins?: readonly string[];
}

/** Limits that keep one client, or many, from taking the gate down. @public */
export interface GateLimits {
  /** Connections of this gate. @default 50000 */
  connections?: number;
  /** Connections of one address. @default 2000 */
  connectionsPerAddress?: number;
  /** New connections per second of one address. @default 200 */
  connectsPerSecond?: number;
  /** The client must have said who it is by then, in milliseconds. @default 5000 */
  connectTimeoutMs?: number;
  /** A longer packet ends its connection before it is read (mqant: MaxPackSize). @default 65535 */
  packetBytes?: number;
  /** Messages per second of one session; beyond it the gate reads slower. @default 500 */
  messagesPerSecond?: number;
  /** Messages of one session that wait or are at work; beyond it they are answered with an error (mqant: ConcurrentTasks). @default 20 */
  inFlight?: number;
  /** Bytes that wait for a client that reads slowly. @default 1048576 */
  outboundBytes?: number;
  /** What happens then: pushes of QoS 0 are dropped, or the connection is closed. @default 'close' */
  slowClient?: 'drop' | 'close';
  /** Pushes of one session that wait for an acknowledgement. @default 1000 */
  unacknowledged?: number;
  /** Topic filters of one session; beyond it they are refused. @default 500 */
  subscriptions?: number;
  /** Characters of a topic or filter that is published or subscribed to. @default 1024 */
  topicLength?: number;
  /** Its parts between slashes. @default 32 */
  topicLevels?: number;
  /** Retained messages of all gates of one store; beyond it they are passed on, but not retained. @default 10000 */
  retainedMessages?: number;
  /** Bytes of them. @default 67108864 */
  retainedBytes?: number;
  /** Sessions that outlive their connection which guests of one address may begin within `keepMs`; beyond it they are not let in. @default 5000 */
  keptGuestsPerAddress?: number;
  /** Clients without keepalive may be silent for so long, in milliseconds. @default Infinity */
  idleTimeoutMs?: number;
}

/** What a client shows when it comes. @public */
export interface GateCredentials extends Pick<ClientHello, 'clientId' | 'username' | 'password'> {
  readonly remote: RemotePeer;
  readonly network: 'tcp' | 'websocket';
}

/**
 * Who a client is. It is refused by undefined (MQTT: CONNACK 4, bad user name or password), by a `RefusedClient` that says why (`forbidden`: 5, `clientId`: 2,
 * `unavailable`: 3), and by any other error, which is logged (3).
 * @public
 */
export type Authenticate = (credentials: GateCredentials) => GateIdentity | undefined | Promise<GateIdentity | undefined>;

/** @public */
export interface GateIdentity {
  /** Bound at once. @default none: a guest */
  userId?: string;
  settings?: Readonly<Record<string, string>>;
}

/** A provider that knows clients, for gates that ask a database. @public */
export interface Authenticator {
  authenticate: Authenticate;
}

/** Options of a gate; module settings of mqant's names (`TCPAddr`, `WSAddr`, `TLS`, `CertFile`, `KeyFile`, `MaxPackSize`) fill what they leave open. @public */
export interface GateOptions {
  tcp?: ListenOptions | false;
  websocket?: WebSocketOptions | false;
  /** For both. A certificate that cannot be read keeps the gate from starting. */
  tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase'> & { requestCert?: boolean; rejectUnauthorized?: boolean };
  /** Addresses whose `X-Forwarded-For` is believed. @default none */
  trustedProxies?: readonly string[];
  limits?: GateLimits;
  /** @default everybody comes in, as a guest */
  auth?: Authenticate | Type<Authenticator>;
  /** @default 'allow', as in mqant */
  onDuplicate?: DuplicatePolicy;
  /** How long a session that is not clean outlives its connection, in milliseconds. @default 300000 */
  keepMs?: number;
  /** Services that clients may name in topics. @default all that the registry knows */
  services?: readonly string[];
  /**
   * Topics `service/handler[/msgid]` that are calls: those whose handler begins with `HD_`, as in mqant; or all of the listed `services`, whose handlers with `{ public: true }` clients
   * reach by their names then. Other topics are for subscribers. @default 'HD_'
   */
  handlers?: 'HD_' | 'public';
  /** Default deadline of calls for clients, in milliseconds. @default the app's */
  timeoutMs?: number;
  /**
   * Messages of one connection are handled one after the other, or as they come (mqant). A function makes lanes: one after the other are those of the same word, as in
   * `(topic) => topic.split('/')[0]`, one lane for each service. @default 'connection'
   */
  ordering?: 'connection' | 'none' | ((topic: string) => string);
  /** Instead of mqant's topics. */
  route?: RouteHandler;
  /** @default MQTT; on WebSockets the subprotocol `anthill.json` speaks JSON */
  createAgent?: AgentFactory;
  hooks?: GateHooks;
  /** Body of replies. @default mqant's `{Trace,Error,Result}` */
  envelope?: ReplyEnvelope;
  /** @default memoryGateStore() */
  store?: GateStore;
}

/** Options with defaults. */
export interface ResolvedGateOptions extends Omit<GateOptions, 'limits' | 'tcp' | 'websocket' | 'auth'> {
  readonly auth: Authenticate | undefined;
  readonly tcp: ListenOptions | undefined;
  readonly websocket: WebSocketOptions | undefined;
  readonly limits: Required<GateLimits>;
  readonly onDuplicate: DuplicatePolicy;
  readonly keepMs: number;
  readonly ordering: Exclude<GateOptions['ordering'], undefined>;
}

const DEFAULT_LIMITS: Required<GateLimits> = Object.freeze({
  connections: 50_000,
  connectionsPerAddress: 2000,
  connectsPerSecond: 200,
  connectTimeoutMs: 5000,
  packetBytes: 65_535,
  messagesPerSecond: 500,
  inFlight: 20,
  outboundBytes: 1024 * 1024,
  slowClient: 'close',
  unacknowledged: 1000,
  subscriptions: 500,
  topicLength: 1024,
  topicLevels: 32,
  retainedMessages: 10_000,
  retainedBytes: 64 * 1024 * 1024,
  keptGuestsPerAddress: 5000,
  idleTimeoutMs: Infinity,
});

const KNOWN = [
  ...['tcp', 'websocket', 'tls', 'trustedProxies', 'limits', 'auth', 'onDuplicate', 'keepMs', 'services', 'handlers', 'timeoutMs'],
  ...['ordering', 'route', 'createAgent', 'hooks', 'envelope', 'store'],
];

/** Options that are one of a few words. A misspelt one would be taken for the default, which lets in more. */
const WORDS = { onDuplicate: ['allow', 'kick', 'refuse'], handlers: ['HD_', 'public'], ordering: ['connection', 'none'] } as const;
/** A timer waits no longer. */
const MOST_MS = 0x7fff_ffff;

/**
 * @param settings of the gate's module, in mqant's names
 * @param auth `options.auth`, where that is a class as the instance of it
 * @throws BootError GATE_OPTIONS
 */
export function resolveGateOptions(options: GateOptions, settings: Readonly<Record<string, unknown>> = {}, auth?: Authenticate): ResolvedGateOptions {
  for (const key of Object.keys(options)) if (!KNOWN.includes(key)) throw wrong(`unknown option "${key}"${didYouMean(key, KNOWN)}`);
  const limits = { ...DEFAULT_LIMITS, ...mqantLimits(settings), ...options.limits };
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in DEFAULT_LIMITS)) throw wrong(`unknown limit "${name}"${didYouMean(name, Object.keys(DEFAULT_LIMITS))}`);
    if (name === 'slowClient' ? value !== 'drop' && value !== 'close' : !(typeof value === 'number' && value > 0)) throw wrong(`limit ${name} cannot be ${String(value)}`);
  }
  const tcp = options.tcp === false ? undefined : (options.tcp ?? addressOf(settings, 'TCPAddr'));
  const websocket = options.websocket === false ? undefined : (options.websocket ?? addressOf(settings, 'WSAddr'));
  checkValues(options);
  if (options.handlers === 'public' && options.services === undefined) throw wrong("handlers: 'public' needs the list of `services` whose topics are calls");
  const tls = options.tls ?? tlsOf(settings);
  if (tls && (tls.cert === undefined || tls.key === undefined)) throw new BootError('GATE_TLS', 'the gate is told to speak TLS, but has no certificate or no key; give both in tls: { cert, key }, or CertFile and KeyFile in the settings of its module');
  if (!tcp && !websocket) throw wrong(`it listens nowhere; give { tcp: { port: 3563 } } or { websocket: { port: 3653 } }, or TCPAddr or WSAddr in the settings of its module`);
  return Object.freeze({ ...options, ...(tls && { tls }), auth, tcp, websocket, limits: Object.freeze(limits), onDuplicate: options.onDuplicate ?? 'allow', keepMs: options.keepMs ?? 300_000, ordering: options.ordering ?? 'connection' });
}

function mqantLimits(settings: Readonly<Record<string, unknown>>): GateLimits {
  const { MaxPackSize: packetBytes, ConcurrentTasks: inFlight } = settings;
  return { ...(typeof packetBytes === 'number' && { packetBytes }), ...(typeof inFlight === 'number' && { inFlight }) };
}

/** @throws BootError GATE_TLS for files that cannot be read */
function tlsOf({ TLS, CertFile, KeyFile }: Readonly<Record<string, unknown>>): GateOptions['tls'] {
  if (TLS !== true) return undefined;
  const read = (file: unknown): Buffer | undefined => {
    if (typeof file !== 'string' || file === '') return undefined;
    try {
      return readFileSync(file);
    } catch (cause) {
      throw new BootError('GATE_TLS', `the gate cannot read '${file}' (${messageOf(cause)}); correct CertFile and KeyFile in the settings of its module`, { cause });
    }
  };
  const [cert, key] = [read(CertFile), read(KeyFile)];
  return { ...(cert && { cert }), ...(key && { key }) };
}

/** `:3653` or `0.0.0.0:3653`, as Go writes it. */
function addressOf(settings: Readonly<Record<string, unknown>>, key: string): ListenOptions | undefined {
  const text = settings[key];
  if (typeof text !== 'string' || text === '') return undefined;
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  if (at < 0 || !Number.isInteger(port) || port < 0 || port > 65_535) throw wrong(`setting ${key} is '${text}'; write ":3653" or "127.0.0.1:3653"`);
  const host = text.slice(0, at).replace(/^\[|\]$/g, '');
  return host === '' ? { port } : { host, port };
}

function checkValues({ onDuplicate, handlers, ordering, keepMs, timeoutMs, trustedProxies = [] }: GateOptions): void {
  const given = { onDuplicate, handlers, ordering: typeof ordering === 'function' ? undefined : ordering };
  for (const [name, words] of Object.entries(WORDS)) {
    const value = given[name as keyof typeof WORDS];
    if (value !== undefined && !(words as readonly string[]).includes(value)) throw wrong(`${name} cannot be '${value}'; it is one of: ${words.join(', ')}`);
  }
  for (const [name, value] of Object.entries({ keepMs, timeoutMs })) {
    if (value !== undefined && !(typeof value === 'number' && value >= 0 && value <= MOST_MS)) throw wrong(`${name} cannot be ${String(value)}; give milliseconds, at most ${MOST_MS}`);
  }
  for (const proxy of trustedProxies) if (isIP(proxy) === 0) throw wrong(`trustedProxies has '${proxy}', which is no address; name each proxy`);
}

function wrong(what: string): BootError {
  return new BootError('GATE_OPTIONS', `GateModule.forRoot(): ${what}`);
}
