import { Inject, Module } from '@nestjs/common';
import type { ConfigSchema } from '../common/standard-schema.js';
import { defineMetadata } from './define-metadata.js';
import type { InjectDecorator } from './inject.decorator.js';
import { needModule, type ModuleNeed, type ModuleSupplier } from './needed-module.js';
import { APP_HANDLE, type AppHandle } from './tokens.js';

/** A value of the config that a class wants. */
export interface ConfigUse {
  /** Below `Settings`, with dots. */
  readonly path: string;
  readonly schema: ConfigSchema | undefined;
  readonly token: symbol;
}

@Module({})
class ConfigValues {}

const supplier: ModuleSupplier<ConfigUse> = Object.freeze({
  name: 'config values',
  moduleFor: (wanted: readonly ConfigUse[]) => {
    const providers = [...new Set(wanted)].map(({ token, path, schema }) => ({ provide: token, useFactory: (app: AppHandle) => app.configValue(path, schema), inject: [APP_HANDLE] }));
    return { module: ConfigValues, global: true, providers, exports: providers.map(({ provide }) => provide) };
  },
});

/** What classes want of the config, among all that they need. */
export function configUses(needs: readonly ModuleNeed[]): readonly ConfigUse[] {
  return [...new Set(needs.flatMap((need) => (need.supplier === supplier ? [need.wanted as ConfigUse] : [])))];
}

/**
 * Injects a live value of the settings: `@InjectConfig('pricing', Pricing) pricing: ConfigValue<ConfigOf<typeof Pricing>>`. The app starts only when the schema
 * lets it through, and later takes no change that it refuses.
 * @param path keys below `Settings`, with dots
 * @param schema a Standard Schema (zod, valibot, arktype, ...), or a class with decorators of class-validator
 * @public
 */
export function InjectConfig(path: string, schema?: ConfigSchema): InjectDecorator {
  const decorate = (target: object, key: string | symbol | undefined, index?: number) => {
    const consumer = (index === undefined ? target.constructor : target) as Function;
    const token = Symbol(`config '${path}' (in a forRoot app, classes outside of its modules inject Config and ask it)`);
    needModule(consumer, supplier, Object.freeze({ path, schema, token }));
    (Inject(token) as typeof decorate)(target, key, index);
  };
  return decorate as InjectDecorator;
}

/** What `@OnConfigChange` saw. */
export interface ConfigListenerMetadata {
  readonly path: string;
  readonly schema: ConfigSchema | undefined;
  readonly method: string;
  readonly isMethod: boolean;
}

/** On the class. */
const CONFIG_LISTENERS = defineMetadata<readonly ConfigListenerMetadata[]>('config listeners');

/**
 * Calls a method of a provider, a controller or a module class after each change of the settings at `path`, with the new value and the one before.
 * What it throws is logged. It is not awaited.
 * @param schema gives the value its type and its defaults, as with `@InjectConfig`
 * @public
 */
export function OnConfigChange(path: string, schema?: ConfigSchema) {
  return (target: object, method: string, descriptor?: PropertyDescriptor): void => {
    const classRef = typeof target === 'function' ? target : target.constructor;
    const isMethod = typeof target !== 'function' && typeof descriptor?.value === 'function';
    CONFIG_LISTENERS.write(classRef, [...(CONFIG_LISTENERS.own(classRef) ?? []), Object.freeze({ path, schema, method, isMethod })]);
  };
}

/** Listeners of a class and of what it extends; undefined when there are none. */
export function configListenersOf(classRef: object): readonly ConfigListenerMetadata[] | undefined {
  const found: ConfigListenerMetadata[] = [];
  for (let level: object | null = classRef; typeof level === 'function'; level = Object.getPrototypeOf(level) as object | null) {
    // A method that a subclass decorates again listens to what it says there.
    found.push(...(CONFIG_LISTENERS.own(level) ?? []).filter(({ method }) => !found.some((known) => known.method === method && level !== classRef)));
  }
  return found.length === 0 ? undefined : found;
}
