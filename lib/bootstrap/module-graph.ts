import type { DynamicModule, ForwardReference, Type } from '@nestjs/common';
import { clientUsesOf, clientVariantsOf, type ClientVariant } from '../metadata/inject-client.decorator.js';
import { needsOf, type ModuleNeed } from '../metadata/needed-module.js';
import { RPC_MODULE, type RpcModuleOptions } from '../metadata/rpc-module.decorator.js';
import type { ClientClass } from '../metadata/tokens.js';

/** Anything Nest accepts in `imports`. */
export type ModuleDefinition = Type | DynamicModule | Promise<DynamicModule> | ForwardReference;

/** An RpcModule of the graph. */
export interface RpcModuleRef {
  readonly classRef: Type;
  readonly options: Readonly<RpcModuleOptions>;
}

/** An entry of `imports`, and the module it stands for; `to` is undefined where the entry is (Nest has the better message for that). */
export interface ModuleEdge {
  readonly definition: ModuleDefinition;
  readonly to: ModuleNode | undefined;
}

/** A module as Nest will see it: a class, or a dynamic module, which adds to what its class says. */
export interface ModuleNode {
  readonly classRef: Type;
  readonly dynamic: DynamicModule | undefined;
  readonly rpc: RpcModuleRef | undefined;
  /** Imports of the class. */
  readonly own: ModuleEdge[];
  /** Imports of the dynamic module. */
  readonly added: ModuleEdge[];
}

/** What a static walk finds before Nest sees anything. */
export interface ModuleGraph {
  readonly root: ModuleEdge;
  /** Imported ones before their importers. */
  readonly rpcModules: readonly RpcModuleRef[];
  /** Direct imports between RpcModules: an importer needs the imported one in its process. */
  readonly imports: readonly { readonly from: RpcModuleRef; readonly to: RpcModuleRef }[];
  /** Contracts that some class of the graph wants a client of. */
  readonly clients: ReadonlySet<ClientClass>;
  /** What its classes need of modules that the app adds. */
  readonly needs: readonly ModuleNeed[];
}

/** Reads the graph below `root` without instantiating anything. */
export async function readGraph(root: ModuleDefinition): Promise<ModuleGraph> {
  const refs = new Map<Type, RpcModuleRef>();
  const rpcModules = new Set<RpcModuleRef>();
  const clients = new Set<ClientClass>();
  const needs: ModuleNeed[] = [];
  const consumers = new Set<Function>();
  const nodes = new Map<Type | DynamicModule, ModuleNode>();

  const visit = async (definition: ModuleDefinition): Promise<ModuleEdge> => {
    const resolved = await unwrap(definition);
    return { definition, to: resolved && (nodes.get(resolved) ?? (await read(resolved))) };
  };
  const read = async (resolved: Type | DynamicModule): Promise<ModuleNode> => {
    const dynamic = typeof resolved === 'function' ? undefined : resolved;
    const classRef = (dynamic?.module ?? resolved) as Type;
    const options = RPC_MODULE.own(classRef);
    const rpc = options && (refs.get(classRef) ?? { classRef, options });
    if (rpc) refs.set(classRef, rpc);
    const node: ModuleNode = { classRef, dynamic, rpc, own: [], added: [] };
    // Known before its imports are: they may lead back here.
    nodes.set(resolved, node);
    for (const consumer of classesOf(classRef, dynamic)) {
      for (const use of clientUsesOf(consumer)) {
        clients.add(use.contract());
        // A client behind a function makes its provider's token when it is asked for, and providers are listed before Nest asks.
        use.token();
      }
      if (!consumers.has(consumer)) needs.push(...needsOf(consumer));
      consumers.add(consumer);
    }
    for (const item of listOf<ModuleDefinition>('imports', classRef)) node.own.push(await visit(item));
    for (const item of (dynamic?.imports ?? []) as ModuleDefinition[]) node.added.push(await visit(item));
    if (rpc) rpcModules.add(rpc);
    return node;
  };

  return { root: await visit(root), rpcModules: [...rpcModules], imports: importsBetween(nodes.values()), clients, needs };
}

function importsBetween(nodes: Iterable<ModuleNode>): ModuleGraph['imports'] {
  const found = new Map<RpcModuleRef, Set<RpcModuleRef>>();
  for (const { rpc, own, added } of nodes) {
    if (!rpc) continue;
    const imported = found.get(rpc) ?? new Set();
    for (const { to } of [...own, ...added]) if (to?.rpc) imported.add(to.rpc);
    found.set(rpc, imported);
  }
  return [...found].flatMap(([from, imported]) => [...imported].map((to) => ({ from, to })));
}

async function unwrap(definition: ModuleDefinition): Promise<Type | DynamicModule | undefined> {
  const value = await definition;
  if (typeof value === 'object' && value !== null && 'forwardRef' in value) return (value as ForwardReference<() => Type>).forwardRef();
  return (value ?? undefined) as Type | DynamicModule | undefined;
}

/** The modules that can be reached over edges that are open. */
export function reachable(root: ModuleEdge, isOpen: (edge: ModuleEdge) => boolean = () => true): Set<ModuleNode> {
  const found = new Set<ModuleNode>();
  const visit = (edge: ModuleEdge): void => {
    if (edge.to === undefined || found.has(edge.to) || !isOpen(edge)) return;
    found.add(edge.to);
    for (const next of [...edge.to.own, ...edge.to.added]) visit(next);
  };
  visit(root);
  return found;
}

/** The tokens of all providers. */
export function providersOf({ root }: ModuleGraph): ReadonlySet<unknown> {
  const listed = [...reachable(root)].flatMap(({ classRef, dynamic }) => [...listOf<unknown>('providers', classRef), ...((dynamic?.providers as unknown[] | undefined) ?? [])]);
  return new Set(listed.map((provider) => (typeof provider === 'function' ? provider : (provider as { provide?: unknown }).provide)));
}

/** What a class lists under a key of `@Module`. */
export function listOf<T>(key: 'imports' | 'providers' | 'controllers' | 'exports', classRef: Type): T[] {
  return (Reflect.getMetadata(key, classRef) as T[] | undefined) ?? [];
}

function classesOf(classRef: Type, dynamic: DynamicModule | undefined): Function[] {
  const listed = (['providers', 'controllers'] as const).flatMap((key) => [...listOf<unknown>(key, classRef), ...((dynamic?.[key] as unknown[] | undefined) ?? [])]);
  return [...new Set([classRef, ...listed.flatMap(classOf)])];
}

function classOf(provider: unknown): Function[] {
  if (typeof provider === 'function') return [provider];
  const useClass = (provider as { useClass?: unknown } | undefined)?.useClass;
  return typeof useClass === 'function' ? [useClass] : [];
}

/** All client tokens of the contracts, with what they stand for. */
export function clientTokens(contracts: Iterable<ClientClass>): { readonly contract: ClientClass; readonly variant: ClientVariant }[] {
  return [...new Set(contracts)].flatMap((contract) => clientVariantsOf(contract).map((variant) => ({ contract, variant })));
}
