import type { DynamicModule, Type } from '@nestjs/common';
import type { ModuleSupplier } from '../metadata/needed-module.js';
import { configUses, type ConfigUse } from '../metadata/config.decorators.js';
import { type ModuleDefinition, readGraph, reachable } from './module-graph.js';

/** What classes of this process need besides what they import. */
export interface NeededModules {
  readonly needed: readonly (Type | DynamicModule)[];
  /** Values of the config: they must be right before anything is made. */
  readonly configUses: readonly ConfigUse[];
}

/**
 * The modules that classes of the graph need and nobody imports, see {@link ModuleSupplier}. Read after pruning: what only modules of other
 * process groups need is not made here.
 */
export async function neededModules(root: ModuleDefinition): Promise<NeededModules> {
  const graph = await readGraph(root);
  const wanted = new Map<ModuleSupplier, unknown[]>();
  for (const need of graph.needs) {
    const known = wanted.get(need.supplier);
    if (known) known.push(need.wanted);
    else wanted.set(need.supplier, [need.wanted]);
  }
  const present = [...reachable(graph.root)].map(({ dynamic, classRef }) => dynamic ?? classRef);
  const found: (Type | DynamicModule)[] = [];
  for (const [supplier, list] of wanted) {
    const module = await supplier.moduleFor(list, present);
    if (module !== undefined) found.push(module);
  }
  return { needed: found, configUses: configUses(graph.needs) };
}
