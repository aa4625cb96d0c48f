import type { DiscoveryOptions, OutlierDetectionOptions } from '../common/discovery-options.js';
import { type AnthillSection, LOG_FORMATS, LOG_LEVELS, type NodeOptions } from './anthill-section.js';
import { grpcSpec } from './grpc-section.js';
import { httpSpec } from './http-section.js';
import { databasesSpec } from './database-section.js';
import { redisSpec } from './redis-section.js';
import type { Spec } from './spec.js';
import { flag, free, integer, list, map, MAX_MS, object, text } from './spec-words.js';

const nodeKeys = {
  nodeId: text('The part after "@" in the node\'s id. Give it only where one process runs this type.', { pattern: '^[^@\\s*>]+$', patternText: 'a string without spaces, "@", "*" or ">"' }),
  version: text('Version the node publishes, instead of the one of @RpcModule.'),
  ttlMs: integer('A node that stops renewing is gone after this many milliseconds.', 1),
  intervalMs: integer('Milliseconds between renewals of the registration; less than ttlMs.', 1),
  registration: { kind: 'plugins', doc: 'How the node is written into the registry, where that knows several ways. Consul: "mqant", "grpc", "hrpc", an object with a name and options, or a list.' },
  metadata: { kind: 'text-map', doc: 'Published with the node; selectors and filters read it.' },
} satisfies Record<keyof NodeOptions, Spec>;

const outlierKeys = {
  consecutiveFailures: integer('So many failures in a row, and a node is ejected; 0: never.', 0, { default: 0 }),
  codes: list('Codes that speak against a node.', { default: ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL'] }),
  baseEjectionMs: integer('Milliseconds that the first ejection lasts; the second in a row lasts twice as long.', 1, { default: 5000 }),
  maxEjectionMs: integer('No ejection lasts longer than this many milliseconds, or than baseEjectionMs when that is more.', 1, { default: 15_000 }),
  maxEjectionPercent: integer('At most this share of a service\'s nodes is out at a time, in percent; one node always may be.', 0, { max: 100, default: 50 }),
} satisfies Record<keyof OutlierDetectionOptions, Spec>;

const discoveryKeys = {
  outlierDetection: object('Leaves out nodes whose calls fail one after the other.', outlierKeys),
  panicThreshold: integer('In percent: with fewer nodes usable, ejections are ignored; with fewer left in a snapshot, it is doubted.', 0, { max: 100, default: 50 }),
  holdMs: integer('Milliseconds that nodes are kept which the registry lost all at once; 0: it is always believed.', 0, { default: 15_000 }),
} satisfies Record<keyof DiscoveryOptions, Spec>;

const anthill = object('What mqant has no key for.', {
  processName: text('Name of this process in logs.'),
  environment: text('Name of the environment, such as "production": a tag of hrpc registrations, and what is looked for by default.', { pattern: '^[^,\\s/]+$', patternText: 'a name without spaces, commas and slashes' }),
  transport: { kind: 'plugin', doc: 'How calls travel: "memory", "nats", or an object with a name and the options of that transport.', default: 'memory' },
  registry: { kind: 'plugin', doc: 'Where nodes are announced and found: "memory", "consul", "etcd", or an object with a name and its options.', default: 'memory' },
  selector: { kind: 'plugin', doc: 'How one of several nodes is chosen.', default: 'random' },
  zone: text('Where this process is: metadata "zone" of its nodes, and what selector "prefer-zone" prefers.'),
  discovery: object('How callers treat nodes, whatever the selector.', discoveryKeys),
  codec: text('How arguments and results are encoded on the native wire.', { default: 'msgpack' }),
  configCentre: { kind: 'plugin', doc: 'Where more of the config is: "consul", "etcd", or an object with a name and its options. Named here or in the environment, not in the centre itself.' },
  watchFile: flag('Read this file again when it changes.', { default: false }),
  wires: list('Wires this process speaks, best first.', { default: ['anthill/1', 'mqant'] }),
  rpc: object('Calls.', {
    timeoutMs: integer('Deadline of a call that sets none, in milliseconds.', 1, { default: 10_000 }),
    maxConcurrent: integer('At most this many handlers of one node run at the same time; 0: no limit.', 0, { default: 0 }),
    queue: integer('Calls of one lane that may wait; the next one fails with RESOURCE_EXHAUSTED.', 0, { default: 1024 }),
    log: flag('Log each call and each execution.', { default: false }),
  }),
  advertise: object('How others reach this process, for endpoints besides the transport (gRPC, health).', {
    host: text('A name, an address, or a network such as "10.0.0.0/8": the first address of the machine in it. Without it the first IPv4 address that is no loopback.'),
  }),
  health: object('HTTP server that tells whether the process lives and serves. It runs when enabled, or when a port or host is given.', {
    enabled: flag('Run it; false keeps it off whatever else is given.'),
    port: integer('0: any free one. Without it 6688.', 0, { max: 65_535 }),
    host: text('Address to listen on. Without it all, "0.0.0.0".'),
  }),
  registration: object('Registrations of all nodes; a module can have its own.', {
    ttlMs: integer('A node that stops renewing is gone after this many milliseconds.', 1, { default: 20_000 }),
    intervalMs: integer('Milliseconds between renewals; less than ttlMs. When only ttlMs is given: at most half of it.', 1, { default: 10_000 }),
  }),
  killWaitMs: integer('The stop is over after this many milliseconds, whatever still runs.', 1, { default: 60_000 }),
  graceMs: integer('Milliseconds in which a stopping node, already out of the registry, still answers late calls.', 0, { default: 200 }),
  log: object('Log of the process.', {
    level: text('Least level that is written.', { oneOf: LOG_LEVELS, default: 'info' }),
    format: text('Lines for people, or one JSON object a line.', { oneOf: LOG_FORMATS, default: 'text' }),
  }),
  grpc: grpcSpec,
  http: httpSpec,
  databases: databasesSpec,
  redis: map('Redis clients, by the name that @InjectRedis(name) asks for.', 'name', redisSpec),
  modules: map(
    'Per module type, whatever the process group.',
    'type',
    object('One module type.', { ...nodeKeys, settings: free('Merged into the Settings of the module.') }),
  ),
} satisfies Record<keyof AnthillSection, Spec>);

const unread = { unread: true } as const;

/**
 * mqant's server.json with our section in it: every key, found in any case. The source of server.schema.json.
 * Defaults stand in docs and schema from here, and are applied from here.
 */
export const serverSpec = object('Config of an Anthill or mqant process.', {
  Settings: free('Settings of the application, kept as they are.'),
  Module: map('Which module types run in which process. Without this section all modules run.', 'type', {
    kind: 'array',
    doc: 'One entry per process group that runs this type.',
    item: object('One module in one process group.', {
      Id: text('Unique over the whole file.'),
      ProcessID: text('The process group (flag -pid) that runs the module.'),
      Host: text('A key of mqant that nothing reads.', unread),
      Settings: free('Settings of the module, kept as they are.'),
      Anthill: object('What mqant has no key for.', nodeKeys),
    }),
  }),
  Rpc: object('Calls, as mqant names them; the same keys in Anthill.rpc win.', {
    RpcExpired: { kind: 'number', doc: 'Deadline of a call that sets none, in seconds; 0: not set.', integer: false, min: 0, max: MAX_MS / 1000 },
    MaxCoroutine: integer('At most this many handlers of one node run at the same time; 0: no limit.', 0),
    Log: flag('Log each call and each execution.'),
    LogSuccess: flag('The same as Log, from old tutorials.'),
  }),
  Log: object('Log engines of mqant: only contenttype is read.', { contenttype: text('"application/json" is Anthill.log.format "json"; anything else is "text".') }, { open: true }),
  BI: free('BI log engines of mqant.', unread),
  Mqtt: object('MQTT limits of mqant.', {
    WirteLoopChanNum: integer('A key of mqant that nothing reads.', 0, unread),
    ReadPackLoop: integer('A key of mqant that nothing reads.', 0, unread),
    ReadTimeout: integer('A key of mqant that nothing reads.', 0, unread),
    WriteTimeout: integer('A key of mqant that nothing reads.', 0, unread),
  }, unread),
  OP: free('A key of mqant that nothing reads.', unread),
  Anthill: anthill,
});

/** The description of the section `Anthill`, for layers that are shaped like it (environment, options). */
export const anthillSpec = anthill;
