import type { LoggerService } from '@nestjs/common';
import { BootError, bootErrors } from '../common/boot-error.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
import type { AppConfig } from '../config/app-config.js';
import { loadConfig, type LoadConfigOptions } from '../config/load-config.js';
import { validateModuleTypes } from '../config/module-groups.js';
import { handlersOf } from '../metadata/handler.decorator.js';
import type { ClientClass } from '../metadata/tokens.js';
import type { Registry } from '../registry/registry.js';
import type { Selector } from '../common/selection.js';
import type { Codec } from '../rpc/codec.js';
import type { ServiceOptions } from '../rpc/service-host.js';
import type { Transport } from '../rpc/transport.js';
import type { AppOptions } from './app-options.js';
import { callLog } from './call-log.js';
import { errorTypesOf } from './error-classes.js';
import type { LocalNode } from './local-node.js';
import { mapNestError } from './map-nest-error.js';
import { readGraph, type ModuleDefinition, type RpcModuleRef } from './module-graph.js';
import { consoleLogger, NestLogger } from './nest-logger.js';
import { BUILT_IN, mergeTables, resolvePlugin, type PluginTable } from './plugin-table.js';
import { pruneGraph } from './prune-graph.js';
import { RpcRuntime } from './rpc-runtime.js';

/** What is known before anything runs: config, and the modules of this process. */
export interface PreparedGraph {
  readonly config: AppConfig;
  /** To read the config again. */
  readonly configOptions: LoadConfigOptions;
  readonly warnings: readonly string[];
  /** Without the modules of other process groups. */
  readonly root: ModuleDefinition;
  readonly modules: readonly RpcModuleRef[];
  /** Types that run in other processes. */
  readonly elsewhere: readonly string[];
  readonly clients: ReadonlySet<ClientClass>;
}

/** Reads config, then takes the modules of other process groups out of the graph. @throws BootError */
export async function prepareGraph(root: ModuleDefinition, options: AppOptions): Promise<PreparedGraph> {
  const graph = await readGraph(root);
  const types = graph.rpcModules.map((module) => module.options.type);
  const configOptions = configOptionsOf(options, types);
  const { config, warnings } = await loadConfig(configOptions);
  await options.hooks?.onConfigurationLoaded?.(config);
  for (const { classRef } of graph.rpcModules) {
    // mqant calls it for modules outside of the process group as well (ModuleManager.go).
    await (classRef as { onAppConfigurationLoaded?: (config: AppConfig) => unknown }).onAppConfigurationLoaded?.(config);
  }
  const runsHere = (module: RpcModuleRef): boolean => config.runs(module.options.type);
  const broken = graph.imports.filter(({ from, to }) => runsHere(from) && !runsHere(to));
  if (broken.length > 0) throw bootErrors(broken.map(({ from, to }) => outOfGroup(from, to, config.processId)));
  return {
    config,
    configOptions,
    warnings: [...warnings, ...validateModuleTypes(config, types)],
    root: pruneGraph(graph, runsHere),
    modules: graph.rpcModules.filter(runsHere),
    elsewhere: graph.rpcModules.filter((module) => !runsHere(module)).map((module) => module.options.type),
    clients: new Set([...graph.clients, ...(options.clients ?? []), ...withHandlers(graph.rpcModules)]),
  };
}

/** Services that a client can be made of: those whose class has handlers. */
function withHandlers(modules: readonly RpcModuleRef[]): ClientClass[] {
  return modules.filter(({ classRef }) => handlersOf(classRef).length > 0).map(({ classRef }) => classRef as ClientClass);
}

function configOptionsOf(options: AppOptions, moduleTypes: readonly string[]): LoadConfigOptions {
  const { workDir, configFile, processId, logDir, biDir, flags, argv, env, sources, settings } = options;
  const { processName, rpc, registration, killWaitMs, graceMs, log } = options;
  const named = <T>(choice: T): T | undefined => (typeof choice === 'string' || (typeof choice === 'object' && choice !== null && isChoice(choice)) ? choice : undefined);
  const wires = options.wires?.every((wire) => typeof wire === 'string') ? (options.wires as readonly string[]) : undefined;
  const overrides = defined({
    processName,
    rpc,
    registration,
    killWaitMs,
    graceMs,
    log,
    settings,
    wires,
    transport: named(options.transport),
    registry: named(options.registry),
    selector: named(options.selector),
    codec: typeof options.codec === 'string' ? options.codec : undefined,
  });
  return defined({ workDir, configFile, processId, logDir, biDir, flags, argv, env, sources, moduleTypes, overrides }) as LoadConfigOptions;
}

/** A plug-in by name, as config writes it, and not an instance: those have methods. */
function isChoice(choice: object): boolean {
  return Object.getPrototypeOf(choice) === Object.prototype && Object.values(choice).every((value) => typeof value !== 'function');
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Partial<T>;
}

function outOfGroup(from: RpcModuleRef, to: RpcModuleRef, processId: string): BootError {
  return new BootError(
    'MODULE_OUT_OF_GROUP',
    `${from.classRef.name} imports ${to.classRef.name} ('${to.options.type}'), which does not run in process group '${processId}'; call it instead: take it out of imports and write @InjectClient(${to.classRef.name})`,
  );
}

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
export async function prepareApp(graph: PreparedGraph, options: AppOptions): Promise<PreparedApp> {
  const { config } = graph;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const nestLogger = options.logger ?? consoleLogger(config);
  const logger = new NestLogger(nestLogger || SILENT);
  for (const warning of graph.warnings) logger.warn(warning);
  if (graph.elsewhere.length > 0) logger.info(`process group '${config.processId}' runs without: ${graph.elsewhere.join(', ')}`);
  const table = mergeTables(options.plugins);
  const transport = instance<Transport>(options.transport) ?? (await resolvePlugin(table, 'transport', config.transport));
  const registry = instance<Registry>(options.registry) ?? (await resolvePlugin(table, 'registry', config.registry));
  const selector = instance<Selector>(options.selector) ?? (await resolvePlugin(table, 'selector', config.selector));
  const codec = instance<Codec>(options.codec) ?? (await resolvePlugin(table, 'codec', config.codec));
  const log = config.rpc.log ? [callLog(logger, clock)] : [];
  const runtime = new RpcRuntime({
    transport,
    registry,
    selector,
    codec,
    codecs: await allCodecs(table, codec),
    wires: await Promise.all((options.wires ?? config.wires).map(async (wire) => (typeof wire === 'string' ? resolvePlugin(table, 'wire', wire) : wire))),
    clock,
    random,
    logger,
    timeoutMs: config.rpc.timeoutMs,
    processName: config.processName ?? config.processId,
    filters: options.filters,
    calls: options.calls,
    clientInterceptors: [...log, ...(options.interceptors?.client ?? [])],
    serverInterceptors: [...log, ...(options.interceptors?.server ?? [])],
    hooks: options.serverHooks,
    mapRoute: options.mapRoute,
    mapError: mapNestError,
    maxConcurrent: config.rpc.maxConcurrent,
    queue: config.rpc.queue,
  });
  for (const type of errorTypesOf(options.errors ?? [])) runtime.errorTypes.add(type);
  const nodes = new Map(graph.modules.map((module) => [module.options.type, addNode(runtime, module.options, config, random.hex(8))]));
  return { ...graph, options, clock, random, nestLogger, logger, transport, registry, runtime, nodes };
}

const SILENT: LoggerService = { log() {}, error() {}, warn() {}, debug() {} };

/** The plug-in itself, when the user gave one instead of a name. */
function instance<T extends object>(choice: T | string | { name: string } | undefined): T | undefined {
  return typeof choice === 'object' && choice !== null && !isChoice(choice) ? (choice as T) : undefined;
}

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
  return runtime.addNode({
    type: options.type,
    id: given,
    isNamed: given !== randomId,
    version: module.version ?? options.version ?? '0.0.0',
    metadata: { ...options.metadata, ...module.metadata },
    // More specific first: the entry in config, the decorator, the app.
    registration: {
      ttlMs: module.ttlMs ?? options.ttlMs ?? config.registration.ttlMs,
      intervalMs: module.intervalMs ?? options.intervalMs ?? (options.ttlMs === undefined ? config.registration.intervalMs : Math.floor(options.ttlMs / 2)),
    },
  });
}
