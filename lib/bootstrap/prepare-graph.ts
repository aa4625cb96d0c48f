import type { DynamicModule, HttpServer, Type } from '@nestjs/common';
import { BootError, bootErrors } from '../common/boot-error.js';
import type { AppConfig } from '../config/app-config.js';
import { loadConfig, type LoadConfigOptions } from '../config/load-config.js';
import { validateModuleTypes } from '../config/module-groups.js';
import { handlersOf } from '../metadata/handler.decorator.js';
import type { ClientClass } from '../metadata/tokens.js';
import type { AppOptions } from './app-options.js';
import { checkAppOptions } from './check-options.js';
import { httpHostOf } from './http-host.js';
import { readGraph, type ModuleDefinition, type RpcModuleRef } from './module-graph.js';
import { neededModules } from './needed-modules.js';
import { chosen } from './plugin-choice.js';
import { mergeTables, namesOf, type PluginTable } from './plugin-table.js';
import { pruneGraph } from './prune-graph.js';

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
  /** Makes the HTTP adapter that the container is built on; undefined: no module of this process brings HTTP. */
  readonly http: (() => Promise<HttpServer>) | undefined;
  /** All services that the code knows, those of other processes included. */
  readonly services: readonly RpcModuleRef[];
  /** Modules that the app adds for what classes inject. */
  readonly needed: readonly (Type | DynamicModule)[];
}

/** Reads config, then takes the modules of other process groups out of the graph. @throws BootError */
export async function prepareGraph(root: ModuleDefinition, options: AppOptions): Promise<PreparedGraph> {
  const graph = await readGraph(root);
  const types = graph.rpcModules.map((module) => module.options.type);
  const loaded = await readConfig(options, types);
  const { config } = loaded;
  for (const { classRef } of graph.rpcModules) {
    // mqant calls it for modules outside of the process group as well (ModuleManager.go).
    await (classRef as { onAppConfigurationLoaded?: (config: AppConfig) => unknown }).onAppConfigurationLoaded?.(config);
  }
  const runsHere = (module: RpcModuleRef): boolean => config.runs(module.options.type);
  const broken = graph.imports.filter(({ from, to }) => runsHere(from) && !runsHere(to));
  if (broken.length > 0) throw bootErrors(broken.map(({ from, to }) => outOfGroup(from, to, config.processId)));
  const pruned = pruneGraph(graph, runsHere);
  return {
    ...loaded,
    root: pruned,
    needed: await neededModules(pruned),
    http: await httpHostOf(graph, pruned, config),
    services: graph.rpcModules,
    modules: graph.rpcModules.filter(runsHere),
    elsewhere: graph.rpcModules.filter((module) => !runsHere(module)).map((module) => module.options.type),
    clients: new Set([...graph.clients, ...(options.clients ?? []), ...withHandlers(graph.rpcModules)]),
  };
}

/** The same graph with the config that more options make of it: the modules are settled, the rest is not. @throws BootError */
export async function withOptions(graph: PreparedGraph, options: AppOptions): Promise<PreparedGraph> {
  return { ...graph, ...(await readConfig(options, graph.configOptions.moduleTypes ?? [])) };
}

async function readConfig(options: AppOptions, types: readonly string[]): Promise<Pick<PreparedGraph, 'config' | 'configOptions' | 'warnings'>> {
  checkAppOptions(options);
  const configOptions = configOptionsOf(options, types);
  const { config, warnings } = await loadConfig(configOptions);
  await options.hooks?.onConfigurationLoaded?.(config);
  return { config, configOptions, warnings: [...warnings, ...validateModuleTypes(config, types)] };
}

/** Services that a client can be made of: those whose class has handlers. */
function withHandlers(modules: readonly RpcModuleRef[]): ClientClass[] {
  return modules.filter(({ classRef }) => handlersOf(classRef).length > 0).map(({ classRef }) => classRef as ClientClass);
}

function configOptionsOf(options: AppOptions, moduleTypes: readonly string[]): LoadConfigOptions {
  const { workDir, configFile, processId, logDir, biDir, flags, argv, env, sources, settings } = options;
  const { processName, environment, zone, discovery, rpc, advertise, health, registration, databases, killWaitMs, graceMs, log, redis, grpc, http, wires } = options;
  const named = (kind: keyof PluginTable): unknown => chosen(kind, options[kind as 'transport']).named;
  const overrides = defined({
    processName,
    environment,
    zone,
    discovery,
    rpc,
    advertise,
    health,
    registration,
    databases,
    killWaitMs,
    graceMs,
    log,
    grpc,
    http,
    redis,
    settings,
    wires: Array.isArray(wires) && wires.some((wire) => typeof wire !== 'string') ? undefined : wires,
    transport: named('transport'),
    registry: named('registry'),
    selector: named('selector'),
    codec: named('codec'),
  });
  return defined({ workDir, configFile, processId, logDir, biDir, flags, argv, env, sources, moduleTypes, overrides, plugins: namesOf(mergeTables(options.plugins)) }) as LoadConfigOptions;
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
