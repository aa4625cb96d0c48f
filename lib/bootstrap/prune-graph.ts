import type { DynamicModule, Type } from '@nestjs/common';
import { RPC_MODULE } from '../metadata/rpc-module.decorator.js';
import { listOf, reachable, type ModuleDefinition, type ModuleEdge, type ModuleGraph, type ModuleNode, type RpcModuleRef } from './module-graph.js';

/**
 * The graph without the RpcModules that `keep` refuses. Modules from which one of them could be reached are replaced by subclasses with shorter
 * lists, because decorators' metadata is shared by all apps of the process and must not change. All others stay the same objects.
 * What only a refused module imports is imported by the root instead: it runs here all the same.
 */
export function pruneGraph({ root }: ModuleGraph, keep: (module: RpcModuleRef) => boolean): ModuleDefinition {
  const isKept = ({ to }: ModuleEdge): boolean => to?.rpc === undefined || keep(to.rpc);
  const pruner = new Pruner(root, isKept);
  const pruned = isKept(root) ? pruner.definitionOf(root) : undefined;
  const imports: ModuleDefinition[] = pruned === undefined ? [] : [pruned];
  const reached = reachable(root, isKept);
  for (const node of reachable(root)) {
    if (node.rpc === undefined || !keep(node.rpc) || reached.has(node)) continue;
    imports.push(pruner.moduleOf(node));
    for (const below of reachable({ definition: node.classRef, to: node }, isKept)) reached.add(below);
  }
  if (pruned !== undefined && imports.length === 1) return pruned;
  return { module: class PrunedRoot {}, imports: imports as NonNullable<DynamicModule['imports']> };
}

class Pruner {
  private readonly changed: ReadonlySet<ModuleNode>;
  private readonly classes = new Map<Type, Type>();
  private readonly dynamics = new Map<DynamicModule, DynamicModule>();
  /** Classes and dynamic modules that may stand in `exports`, with what becomes of them; undefined: nothing. */
  private readonly exported = new Map<unknown, ModuleNode | undefined>();

  constructor(
    root: ModuleEdge,
    private readonly isKept: (edge: ModuleEdge) => boolean,
  ) {
    const nodes = [...reachable(root)];
    this.changed = changedNodes(nodes, isKept);
    for (const node of nodes) this.exported.set(node.dynamic ?? node.classRef, isKept({ definition: node.classRef, to: node }) ? node : undefined);
  }

  definitionOf({ definition, to }: ModuleEdge): ModuleDefinition {
    return to === undefined || !this.changed.has(to) ? definition : this.moduleOf(to);
  }

  moduleOf(node: ModuleNode): Type | DynamicModule {
    const { classRef, dynamic, own, added } = node;
    if (!this.changed.has(node)) return dynamic ?? classRef;
    const module = own.some((edge) => this.isTouched(edge)) ? this.classOf(classRef, own) : classRef;
    if (dynamic === undefined) return module;
    const known = this.dynamics.get(dynamic);
    if (known) return known;
    const result: DynamicModule = { ...dynamic, module };
    this.dynamics.set(dynamic, result);
    if (dynamic.imports) result.imports = this.importsOf(added);
    if (dynamic.exports) result.exports = this.exportsOf(dynamic.exports) as NonNullable<DynamicModule['exports']>;
    return result;
  }

  /**
   * A subclass is a module of its own to Nest, with the constructor, the providers and the hooks of its base. One for each class, however
   * often and in whatever form it is imported.
   */
  private classOf(classRef: Type, own: readonly ModuleEdge[]): Type {
    const known = this.classes.get(classRef);
    if (known) return known;
    const pruned = class extends (classRef as new (...args: unknown[]) => object) {} as Type;
    // Known before its imports are made: they may lead back here.
    this.classes.set(classRef, pruned);
    Object.defineProperty(pruned, 'name', { value: classRef.name });
    const options = RPC_MODULE.own(classRef);
    if (options) RPC_MODULE.write(pruned, options);
    Reflect.defineMetadata('imports', this.importsOf(own), pruned);
    // A class that exports itself is a provider in that place: its importers know it by its old name.
    Reflect.defineMetadata('exports', this.exportsOf(listOf('exports', classRef)).flatMap((item) => (item === pruned ? [pruned, classRef] : [item])), pruned);
    // An RpcModule lists itself, for Nest to find its enhancers. Whoever asks for the class it was gets it, too.
    const providers = listOf<unknown>('providers', classRef).map((provider) => (provider === classRef ? pruned : provider));
    Reflect.defineMetadata('providers', [...providers, { provide: classRef, useExisting: pruned }], pruned);
    return pruned;
  }

  private importsOf(edges: readonly ModuleEdge[]): NonNullable<DynamicModule['imports']> {
    return edges.filter(this.isKept).map((edge) => this.definitionOf(edge)) as NonNullable<DynamicModule['imports']>;
  }

  private exportsOf(list: readonly unknown[]): unknown[] {
    return list.flatMap((item) => {
      if (!this.exported.has(item)) return [item];
      const node = this.exported.get(item);
      return node === undefined ? [] : [this.moduleOf(node)];
    });
  }

  private isTouched(edge: ModuleEdge): boolean {
    return !this.isKept(edge) || (edge.to !== undefined && this.changed.has(edge.to));
  }
}

/** Modules that import a refused one, or one that does. */
function changedNodes(nodes: readonly ModuleNode[], isKept: (edge: ModuleEdge) => boolean): ReadonlySet<ModuleNode> {
  const changed = new Set<ModuleNode>();
  for (let before = -1; before !== changed.size; ) {
    before = changed.size;
    for (const node of nodes) {
      if ([...node.own, ...node.added].some((edge) => !isKept(edge) || (edge.to !== undefined && changed.has(edge.to)))) changed.add(node);
    }
  }
  return changed;
}
