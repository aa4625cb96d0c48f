import type { HttpServer } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { HTTP_HOST } from '../metadata/http-host.js';
import { type ModuleDefinition, type ModuleGraph, reachable, readGraph } from './module-graph.js';

/**
 * What makes the HTTP adapter of an app with a module that brings HTTP; see {@link HTTP_HOST}.
 * @param graph before pruning: most apps have no such module, and nothing is read twice
 */
export async function httpHostOf(graph: ModuleGraph, pruned: ModuleDefinition, config: AppConfig): Promise<(() => Promise<HttpServer>) | undefined> {
  const find = ({ root }: ModuleGraph) => [...reachable(root)].find(({ classRef }) => HTTP_HOST.read(classRef));
  const found = find(graph) && find(await readGraph(pruned));
  if (found === undefined) return undefined;
  return async () => HTTP_HOST.read(found.classRef)!(found.dynamic ?? found.classRef, config);
}
