import { type Logger, silentLogger } from '../common/logger.js';
import type { Selector } from '../common/selection.js';
import type { PluginConfig } from '../config/app-config.js';
import type { ConfigSource } from '../config/config-source.js';
import { type PluginNames, unknownPlugin } from '../config/plugin-names.js';
import type { Registry } from '../registry/registry.js';
import type { Codec } from '../rpc/codec.js';
import { json } from '../rpc/json.codec.js';
import { msgpack } from '../rpc/msgpack.codec.js';
import type { Transport } from '../rpc/transport.js';
import type { Wire } from '../rpc/wire.js';
import { consistentHash } from '../selector/consistent-hash.selector.js';
import { leastInFlight } from '../selector/least-in-flight.selector.js';
import { preferZone } from '../selector/prefer-zone.selector.js';
import { random } from '../selector/random.selector.js';
import { roundRobin } from '../selector/round-robin.selector.js';
import { weighted } from '../selector/weighted.selector.js';
import { anthillWire } from '../wire/anthill/anthill.wire.js';
import { chosen, type PluginKind } from './plugin-choice.js';

/** Makes a plug-in from the options that config gives it. */
export type PluginFactory<T> = (options: Readonly<Record<string, unknown>>, context: PluginContext) => T | Promise<T>;

/** What the app gives to the plug-ins that config names. @plugin */
export interface PluginContext {
  readonly logger: Logger;
  /** The app's environment. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The name of the environment (`Anthill.environment`), for config centres: as far as it is known before them. */
  readonly environment?: string;
  /** Makes the strategy that another one wraps, of its name or an object with `name` and options. @throws BootError PLUGIN_UNKNOWN, PLUGIN_INVALID */
  selector(choice: unknown): Promise<Selector>;
}

/** Names that config may use, and what they stand for. The app owns one; `create({ plugins })` adds to it. @public */
export interface PluginTable extends Record<PluginKind, object> {
  readonly transport: Readonly<Record<string, PluginFactory<Transport>>>;
  readonly registry: Readonly<Record<string, PluginFactory<Registry>>>;
  readonly selector: Readonly<Record<string, PluginFactory<Selector>>>;
  readonly codec: Readonly<Record<string, PluginFactory<Codec>>>;
  readonly wire: Readonly<Record<string, PluginFactory<Wire>>>;
  readonly configCentre: Readonly<Record<string, PluginFactory<ConfigSource>>>;
}

/** What comes with the package. Adapters that need a vendor are loaded when they are named. */
export const BUILT_IN: PluginTable = Object.freeze({
  transport: {
    memory: async () => (await import('../transport/memory/memory.transport.js')).memory(),
    nats: async (options) => (await import('../transport/nats/nats.transport.js')).nats(options),
  },
  registry: {
    memory: async () => (await import('../registry/memory.registry.js')).memory(),
    consul: async (options, { logger, env }) => (await import('../registry/consul/consul.registry.js')).consul({ logger, ...(env && { env }), ...options }),
    etcd: async (options, { logger }) => (await import('../registry/etcd/etcd.registry.js')).etcd({ logger, ...options }),
  },
  selector: {
    random: () => random(),
    'round-robin': () => roundRobin(),
    weighted: (options) => weighted(options),
    'least-in-flight': () => leastInFlight(),
    'consistent-hash': (options) => consistentHash(options),
    'prefer-zone': async ({ selector, ...options }, context) => preferZone({ ...options, ...(selector !== undefined && { selector: await context.selector(selector) }) }),
  },
  codec: { msgpack: () => msgpack(), json: () => json() },
  wire: {
    'anthill/1': () => anthillWire(),
    mqant: async () => (await import('../wire/mqant/mqant.wire.js')).mqantWire(),
  },
  configCentre: {
    memory: async () => (await import('../config/memory.source.js')).memoryConfig(),
    consul: async (options, { env, environment }) => (await import('../config/consul.source.js')).consulConfig({ ...(env && { env }), ...inHrpc(options, environment), ...options }),
    etcd: async (options, { environment }) => (await import('../config/etcd.source.js')).etcdConfig({ ...inHrpc(options, environment), ...options }),
  },
} satisfies PluginTable);

/** hrpc's keys begin with the environment. */
function inHrpc({ layout }: Readonly<Record<string, unknown>>, environment: string | undefined): { environment?: string } {
  return layout === 'hrpc' && environment !== undefined ? { environment } : {};
}

/** Users' additions win over what comes with the package. */
export function mergeTables(added: Partial<PluginTable> | undefined): PluginTable {
  if (added === undefined) return BUILT_IN;
  const kinds = Object.keys(BUILT_IN) as (keyof PluginTable)[];
  return Object.fromEntries(kinds.map((kind) => [kind, { ...BUILT_IN[kind], ...added[kind] }])) as unknown as PluginTable;
}

/** The names of a table. */
export function namesOf(table: PluginTable): PluginNames {
  return Object.fromEntries(Object.entries(table).map(([kind, factories]) => [kind, Object.keys(factories as object)])) as unknown as PluginNames;
}

/** As config reads it. */
function configOf(choice: string | { name: string }): PluginConfig {
  if (typeof choice === 'string') return { name: choice, options: {} };
  const { name, ...options } = choice;
  return { name, options };
}

/** @throws BootError PLUGIN_UNKNOWN */
export async function resolvePlugin<K extends keyof PluginTable>(
  table: PluginTable,
  kind: K,
  choice: PluginConfig | string,
  context: Omit<PluginContext, 'selector'> = { logger: silentLogger },
): Promise<Awaited<ReturnType<PluginTable[K][string]>>> {
  const { name, options } = typeof choice === 'string' ? { name: choice, options: {} } : choice;
  const factories = table[kind] as PluginTable[K];
  if (!Object.hasOwn(factories, name)) {
    throw unknownPlugin(kind, name, Object.keys(factories));
  }
  const selector = async (inner: unknown): Promise<Selector> => {
    const { instance, named } = chosen<Selector>('selector', inner);
    return instance ?? resolvePlugin(table, 'selector', configOf(named!), context);
  };
  return (await factories[name]!(options, { ...context, selector })) as Awaited<ReturnType<PluginTable[K][string]>>;
}
