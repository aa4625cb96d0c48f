import type { DynamicModule, ForwardReference, Type } from '@nestjs/common';
import { clientUsesOf, clientVariantsOf, type ClientVariant } from '../metadata/inject-client.decorator.js';
import { RPC_MODULE, type RpcModuleOptions } from '../metadata/rpc-module.decorator.js';
import type { ClientClass } from '../metadata/tokens.js';

/** Anything Nest accepts in `imports`. */
export type ModuleDefinition = Type | DynamicModule | Promise<DynamicModule> | ForwardReference;

/** An RpcModule of the graph. */
export interface RpcModuleRef {
  readonly classRef: Type;
  readonly options: Readonly<RpcModuleOptions>;
}

/** What a static walk finds before Nest sees anything. */
export interface ModuleGraph {
  readonly rpcModules: readonly RpcModuleRef[];
  /** Direct imports between RpcModules: an importer needs the imported one in its process. */
  readonly imports: readonly { readonly from: RpcModuleRef; readonly to: RpcModuleRef }[];
  /** Contracts that some class of the graph wants a client of. */
  readonly clients: ReadonlySet<ClientClass>;
}

interface Parts {
  readonly classRef: Type;
  readonly imports: readonly ModuleDefinition[];
  readonly classes: readonly Function[];
}

/** The class and the direct imports of a definition; a dynamic module adds to what its class says. */
async function partsOf(definition: ModuleDefinition): Promise<Parts | undefined> {
  const resolved = await unwrap(definition);
  if (resolved === undefined) return undefined;
  const dynamic = typeof resolved === 'function' ? undefined : resolved;
  const classRef = (dynamic?.module ?? resolved) as Type;
  const all = <T>(key: 'imports' | 'providers' | 'controllers'): T[] => [
    ...((Reflect.getMetadata(key, classRef) as T[] | undefined) ?? []),
    ...((dynamic?.[key] as T[] | undefined) ?? []),
  ];
  const classes = [classRef, ...[...all<unknown>('providers'), ...all<unknown>('controllers')].flatMap(classOf)];
  return { classRef, imports: all<ModuleDefinition>('imports'), classes };
}

/** undefined stays: Nest has the better message for a circular import. */
async function unwrap(definition: ModuleDefinition): Promise<Type | DynamicModule | undefined> {
  const value = await definition;
  if (typeof value === 'object' && value !== null && 'forwardRef' in value) return (value as ForwardReference<() => Type>).forwardRef();
  return value as Type | DynamicModule | undefined;
}

function classOf(provider: unknown): Function[] {
  if (typeof provider === 'function') return [provider];
  const useClass = (provider as { useClass?: unknown } | undefined)?.useClass;
  return typeof useClass === 'function' ? [useClass] : [];
}

/** Reads the graph below `root` without instantiating anything. */
export async function readGraph(root: ModuleDefinition): Promise<ModuleGraph> {
  const rpcModules = new Map<Type, RpcModuleRef>();
  const imports: { from: RpcModuleRef; to: RpcModuleRef }[] = [];
  const clients = new Set<ClientClass>();
  const seen = new Set<unknown>();
  const visit = async (definition: ModuleDefinition, importer: RpcModuleRef | undefined): Promise<void> => {
    const parts = await partsOf(definition);
    if (parts === undefined) return;
    const options = RPC_MODULE.own(parts.classRef);
    const self = options && (rpcModules.get(parts.classRef) ?? { classRef: parts.classRef, options });
    if (self) {
      rpcModules.set(parts.classRef, self);
      if (importer) imports.push({ from: importer, to: self });
    }
    if (seen.has(definition)) return;
    seen.add(definition);
    for (const consumer of parts.classes) for (const use of clientUsesOf(consumer)) clients.add(use.contract());
    for (const child of parts.imports) await visit(child, self);
  };
  await visit(root, undefined);
  return { rpcModules: [...rpcModules.values()], imports, clients };
}

/**
 * The same graph without the RpcModules that `keep` refuses. Modules that import one of them are replaced by subclasses with shorter
 * `imports`, because decorators' metadata is shared by all apps of the process and must not change. All others stay the same objects.
 */
export async function pruneGraph(root: ModuleDefinition, keep: (module: RpcModuleRef) => boolean): Promise<ModuleDefinition> {
  const done = new Map<unknown, ModuleDefinition | undefined>();
  const prune = async (definition: ModuleDefinition): Promise<ModuleDefinition | undefined> => {
    if (done.has(definition)) return done.get(definition);
    // A cycle through forwardRef comes back here before it is decided: it stays as it is.
    done.set(definition, definition);
    const result = await decide(definition);
    done.set(definition, result);
    return result;
  };
  const decide = async (definition: ModuleDefinition): Promise<ModuleDefinition | undefined> => {
    const resolved = await unwrap(definition);
    if (resolved === undefined) return definition;
    const dynamic = typeof resolved === 'function' ? undefined : resolved;
    const classRef = (dynamic?.module ?? resolved) as Type;
    const options = RPC_MODULE.own(classRef);
    if (options && !keep({ classRef, options })) return undefined;
    const own = (Reflect.getMetadata('imports', classRef) as ModuleDefinition[] | undefined) ?? [];
    const added = (dynamic?.imports as ModuleDefinition[] | undefined) ?? [];
    const [keptOwn, keptAdded] = [await pruneAll(own), await pruneAll(added)];
    if (keptOwn === own && keptAdded === added) return definition;
    const module = keptOwn === own ? classRef : withImports(classRef, keptOwn);
    return dynamic ? ({ ...dynamic, module, imports: keptAdded } as DynamicModule) : module;
  };
  const pruneAll = async (list: ModuleDefinition[]): Promise<ModuleDefinition[]> => {
    const kept: ModuleDefinition[] = [];
    let changed = false;
    for (const item of list) {
      const result = await prune(item);
      if (result !== item) changed = true;
      if (result !== undefined) kept.push(result);
    }
    return changed ? kept : list;
  };
  return (await prune(root)) ?? { module: class Empty {} };
}

/** A subclass is a module of its own to Nest, with the constructor, the providers and the hooks of its base. */
function withImports(classRef: Type, imports: ModuleDefinition[]): Type {
  const pruned = class extends (classRef as new (...args: unknown[]) => object) {};
  Object.defineProperty(pruned, 'name', { value: classRef.name });
  Reflect.defineMetadata('imports', imports, pruned);
  // An RpcModule lists itself, for Nest to find its enhancers.
  const providers = (Reflect.getMetadata('providers', classRef) as unknown[] | undefined) ?? [];
  Reflect.defineMetadata('providers', providers.map((provider) => (provider === classRef ? pruned : provider)), pruned);
  const options = RPC_MODULE.own(classRef);
  if (options) RPC_MODULE.write(pruned, options);
  return pruned as Type;
}

/** All client tokens of the contracts, with what they stand for. */
export function clientTokens(contracts: Iterable<ClientClass>): { readonly contract: ClientClass; readonly variant: ClientVariant }[] {
  return [...new Set(contracts)].flatMap((contract) => clientVariantsOf(contract).map((variant) => ({ contract, variant })));
}
