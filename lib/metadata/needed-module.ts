import type { DynamicModule, Type } from '@nestjs/common';
import { defineMetadata } from './define-metadata.js';

/**
 * Gives the module that provides what injections ask for, so that `@InjectDb()` is all a class has to write: the app adds the module to its graph
 * when some class of the process needs it. One supplier object for each kind.
 * @plugin
 */
export interface ModuleSupplier<T = unknown> {
  /** For messages. */
  readonly name: string;
  /**
   * A module for all that is wanted in this process, or undefined when nothing is missing. May load vendors. Its providers can inject what is
   * global: the app (`APP_HANDLE`), its registry.
   * @param wanted in the order in which classes were found; repeats are possible
   * @param graph the modules that users import, dynamic ones as they were given
   * @throws BootError
   */
  moduleFor(wanted: readonly T[], graph: readonly (Type | DynamicModule)[]): Type | DynamicModule | undefined | Promise<Type | DynamicModule | undefined>;
}

/** What one place asks for. */
export interface ModuleNeed {
  readonly supplier: ModuleSupplier;
  readonly wanted: unknown;
}

/** On the consumer. */
const NEEDS = defineMetadata<readonly ModuleNeed[]>('needed modules');

/** For decorators: `consumer` is the class that asks. @plugin */
export function needModule<T>(consumer: Function, supplier: ModuleSupplier<T>, wanted: T): void {
  NEEDS.write(consumer, [...(NEEDS.own(consumer) ?? []), Object.freeze({ supplier: supplier as ModuleSupplier, wanted })]);
}

/** What a class and what it extends needs. */
export function needsOf(consumer: Function): readonly ModuleNeed[] {
  const needs: ModuleNeed[] = [];
  for (let level: object | null = consumer; typeof level === 'function'; level = Object.getPrototypeOf(level) as object | null) {
    needs.push(...(NEEDS.own(level) ?? []));
  }
  return needs;
}
