import type { DynamicModule, HttpServer, Type } from '@nestjs/common';
import { BootError, bootErrors } from '../common/boot-error.js';
import { silentLogger } from '../common/logger.js';
import type { AppConfig } from '../config/app-config.js';
import { keysOf } from '../config/config.js';
import { LiveConfig } from '../config/live-config.js';
import type { LoadConfigOptions } from '../config/load-config.js';
import { validateModuleTypes } from '../config/module-groups.js';
import { handlersOf } from '../metadata/handler.decorator.js';
import type { ClientClass } from '../metadata/tokens.js';
import type { AppOptions } from './app-options.js';
import { checkAppOptions } from './check-options.js';
import { httpHostOf } from './http-host.js';
import { readGraph, type ModuleDefinition, type ModuleGraph, type RpcModuleRef } from './module-graph.js';
import { neededModules } from './needed-modules.js';
import { chosen } from './plugin-choice.js';
import { mergeTables, namesOf, resolvePlugin, type PluginTable } from './plugin-table.js';
import { pruneGraph } from './prune-graph.js';

/** What is known before anything runs: config, and the modules of this process. */
export interface PreparedGraph {
  readonly config: AppConfig;
  /** The config over time. */
  readonly live: LiveConfig;
  readonly warnings: readonly string[];
  /** Of all process groups. */
  readonly moduleTypes: readonly string[];
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
  checkAppOptions(options);
  const table = mergeTables(options.plugins);
  const live = await LiveConfig.open({
    ...configOptionsOf(options, types),
    ...defined({ clock: options.clock, random: options.random }),
    centre: (choice, environment) => resolvePlugin(table, 'configCentre', choice, { logger: silentLogger, ...defined({ env: options.env, environment }) }),
  });
  return live.guard(() => prune(graph, options, types, live));
}

async function prune(graph: ModuleGraph, options: AppOptions, types: readonly string[], live: LiveConfig): Promise<PreparedGraph> {
  const { config } = live;
  await options.hooks?.onConfigurationLoaded?.(config);
  for (const { classRef } of graph.rpcModules) {
    // mqant calls it for modules outside of the process group as well (ModuleManager.go).
    await (classRef as { onAppConfigurationLoaded?: (config: AppConfig) => unknown }).onAppConfigurationLoaded?.(config);
  }
  const runsHere = (module: RpcModuleRef): boolean => config.runs(module.options.type);
  const broken = graph.imports.filter(({ from, to }) => runsHere(from) && !runsHere(to));
  if (broken.length > 0) throw bootErrors(broken.map(({ from, to }) => outOfGroup(from, to, config.processId)));
  const pruned = pruneGraph(graph, runsHere);
  const { needed, configUses } = await neededModules(pruned);
  await live.state.declare(configUses.map(({ path, schema }) => ({ path: keysOf(path), schema })));
  return {
    config,
    live,
    warnings: [...live.state.warnings, ...validateModuleTypes(config, types)],
    moduleTypes: types,
    root: pruned,
    needed,
    http: await httpHostOf(graph, pruned, config),
    services: graph.rpcModules,
    modules: graph.rpcModules.filter(runsHere),
    elsewhere: graph.rpcModules.filter((module) => !runsHere(module)).map((module) => module.options.type),
    clients: new Set([...graph.clients, ...(options.clients ?? []), ...withHandlers(graph.rpcModules)]),
  };
}

/** The same graph with the config that more options make of it: the modules are settled, the rest is not. @throws BootError */
export async function withOptions(graph: PreparedGraph, options: AppOptions): Promise<PreparedGraph> {
  const { live, moduleTypes } = graph;
  return live.guard(async () => {
    checkAppOptions(options);
    await live.extend(configOptionsOf(options, moduleTypes));
    const { config } = live;
    await options.hooks?.onConfigurationLoaded?.(config);
    return { ...graph, config, warnings: [...live.state.warnings, ...validateModuleTypes(config, moduleTypes)] };
  });
}

/** Services that a client can be made of: those whose class has handlers. */
function withHandlers(modules: readonly RpcModuleRef[]): ClientClass[] {
  return modules.filter(({ classRef }) => handlersOf(classRef).length > 0).map(({ classRef }) => classRef as ClientClass);
}

function configOptionsOf(options: AppOptions, moduleTypes: readonly string[]): LoadConfigOptions {
  const { workDir, configFile, processId, logDir, biDir, flags, argv, env, sources, settings } = options;
  const { processName, environment, zone, discovery, rpc, advertise, health, registration, databases, killWaitMs, graceMs, log, redis, grpc, http, watchFile, wires } = options;
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
    watchFile,
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
