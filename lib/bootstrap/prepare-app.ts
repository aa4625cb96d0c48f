import type { LoggerService } from '@nestjs/common';
import { BootError } from '../common/boot-error.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
import { NODE_META } from '../common/service-node.js';
import type { AppConfig } from '../config/app-config.js';
import type { Registry } from '../registry/registry.js';
import type { Selector } from '../common/selection.js';
import type { Codec } from '../rpc/codec.js';
import type { ServiceOptions } from '../rpc/service-host.js';
import type { Transport } from '../rpc/transport.js';
import type { Wire } from '../rpc/wire.js';
import { advertisedHost } from './advertised-host.js';
import type { AppOptions } from './app-options.js';
import { checkedPart } from './app-parts.js';
import { clientLog, serverLog } from './call-log.js';
import { errorTypesOf } from './error-classes.js';
import type { LocalNode } from './local-node.js';
import { mapNestError } from './map-nest-error.js';
import { NestLogger } from '../wiring/nest-logger.js';
import { consoleLogger } from './console-logger.js';
import { chosen } from './plugin-choice.js';
import { BUILT_IN, mergeTables, resolvePlugin, type PluginTable } from './plugin-table.js';
import type { PreparedGraph } from './prepare-graph.js';
import { RpcRuntime } from './rpc-runtime.js';

/** Everything an application drives. */
export interface PreparedApp extends PreparedGraph {
  readonly options: AppOptions;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly nestLogger: LoggerService | false;
  readonly logger: NestLogger;
  readonly transport: Transport;
  readonly registry: Registry;
  readonly runtime: RpcRuntime;
  /** Nodes of this process by type. */
  readonly nodes: Map<string, LocalNode>;
}

/** Makes the plug-ins and the nodes; nothing connects yet. @throws BootError */
export function prepareApp(graph: PreparedGraph, options: AppOptions): Promise<PreparedApp> {
  return graph.live.guard(() => prepare(graph, options));
}

async function prepare(graph: PreparedGraph, options: AppOptions): Promise<PreparedApp> {
  const { config } = graph;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const nestLogger = options.logger ?? consoleLogger(config);
  const logger = new NestLogger(nestLogger || SILENT);
  for (const warning of graph.warnings) logger.warn(warning);
  graph.live.logTo(logger);
  if (graph.elsewhere.length > 0) logger.info(`process group '${config.processId}' runs without: ${graph.elsewhere.join(', ')}`);
  const context = { logger, ...(options.env && { env: options.env }) };
  const table = mergeTables(options.plugins);
  const transport = chosen<Transport>('transport', options.transport).instance ?? (await resolvePlugin(table, 'transport', config.reveal(config.transport, 'Anthill.transport'), context));
  const registry = chosen<Registry>('registry', options.registry).instance ?? (await resolvePlugin(table, 'registry', config.reveal(config.registry, 'Anthill.registry'), context));
  const selector = chosen<Selector>('selector', options.selector).instance ?? (await resolvePlugin(table, 'selector', config.reveal(config.selector, 'Anthill.selector'), context));
  const codec = chosen<Codec>('codec', options.codec).instance ?? (await resolvePlugin(table, 'codec', config.codec, context));
  const runtime = new RpcRuntime({
    transport,
    registry,
    selector,
    zone: config.zone,
    discovery: config.discovery,
    codec,
    codecs: await allCodecs(table, codec),
    wires: await Promise.all((options.wires ?? config.wires).map(async (wire) => chosen<Wire>('wire', wire).instance ?? resolvePlugin(table, 'wire', wire as string))),
    clock,
    random,
    logger,
    timeoutMs: config.rpc.timeoutMs,
    host: advertisedHost(config.advertise.host),
    processName: config.processName ?? config.processId,
    filters: options.filters,
    calls: options.calls,
    clientInterceptors: [...(config.rpc.log ? [clientLog(logger, clock)] : []), ...(options.interceptors?.client ?? [])],
    serverInterceptors: options.interceptors?.server,
    hooks: config.rpc.log ? serverLog(logger, options.serverHooks) : options.serverHooks,
    mapRoute: options.mapRoute,
    mapError: mapNestError,
    maxConcurrent: config.rpc.maxConcurrent,
    queue: config.rpc.queue,
  });
  for (const [i, part] of (options.parts ?? []).entries()) checkedPart(part, `option parts[${i}]`);
  for (const type of errorTypesOf(options.errors ?? [])) runtime.errorTypes.add(type);
  const nodes = new Map(graph.modules.map((module) => [module.options.type, addNode(runtime, module.options, config, random.hex(8))]));
  return { ...graph, options, clock, random, nestLogger, logger, transport, registry, runtime, nodes };
}

const SILENT: LoggerService = { log() {}, error() {}, warn() {}, debug() {} };

/** A callee must read what any caller writes: all codecs are known, the app's own comes first. */
async function allCodecs(table: PluginTable, own: Codec): Promise<Codec[]> {
  const names = Object.keys(table.codec ?? BUILT_IN.codec).filter((name) => name !== own.name);
  return [own, ...(await Promise.all(names.map((name) => resolvePlugin(table, 'codec', name))))];
}

/** A node for a service; config wins over what the code says. @throws BootError NODE_ID */
export function addNode(runtime: RpcRuntime, options: Readonly<ServiceOptions>, config: AppConfig, randomId: string): LocalNode {
  const module = config.moduleOf(options.type);
  const given = module.nodeId ?? options.id ?? randomId;
  if (!/^[A-Za-z0-9_.-]+$/.test(given)) {
    throw new BootError('NODE_ID', `the node id '${given}' of module '${options.type}' must be made of letters, digits, '_', '.' and '-' (node ids become addresses)`);
  }
  // More specific first: the entry in config, the decorator, the app.
  const ttlMs = module.ttlMs ?? options.ttlMs ?? config.registration.ttlMs;
  const usualMs = options.ttlMs === undefined ? config.registration.intervalMs : Math.min(config.registration.intervalMs, Math.floor(options.ttlMs / 2));
  const record = module.registration ?? options.registration;
  return runtime.addNode({
    type: options.type,
    id: given,
    isNamed: given !== randomId,
    version: module.version ?? options.version ?? '0.0.0',
    metadata: {
      ...(config.environment !== undefined && { [NODE_META.environment]: config.environment }),
      ...(config.zone !== undefined && { zone: config.zone }),
      ...options.metadata,
      ...module.metadata,
    },
    registration: { ttlMs, intervalMs: module.intervalMs ?? options.intervalMs ?? usualMs, ...(record !== undefined && { record }) },
  });
}
