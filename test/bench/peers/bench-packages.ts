import { createRequire } from 'node:module';
import { join } from 'node:path';
import { projectRoot } from '../../services/index.js';

/** What the benchmark uses of Moleculer; its types are not installed with the project. */
export interface Moleculer {
  readonly ServiceBroker: new (options: Record<string, unknown>) => MoleculerBroker;
}

export interface MoleculerBroker {
  createService(schema: { name: string; actions: Record<string, (context: { params: unknown }) => unknown> }): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  waitForServices(name: string): Promise<void>;
  call(action: string, params: unknown): Promise<unknown>;
}

/** From test/bench/node_modules: nothing that only the benchmark needs is installed with the project. */
export function loadMoleculer(): Moleculer {
  return createRequire(join(projectRoot(), 'test', 'bench', 'package.json'))('moleculer') as Moleculer;
}

/** The mixin of moleculer-web, for `createService`. */
export function loadMoleculerWeb(): unknown {
  const module = createRequire(join(projectRoot(), 'test', 'bench', 'package.json'))('moleculer-web') as { default?: unknown };
  return module.default ?? module;
}
