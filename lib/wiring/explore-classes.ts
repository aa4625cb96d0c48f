import type { ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper, Module } from '@nestjs/core/internal';
import type { MetadataHandle } from '../metadata/define-metadata.js';

/** What a class is in its module. */
export type HostKind = 'module' | 'provider' | 'controller';

/** A class of the container that carries the metadata asked for. */
export interface FoundClass<T> {
  readonly value: T;
  readonly kind: HostKind;
  readonly classRef: Function;
  readonly wrapper: InstanceWrapper;
  readonly module: Module;
}

/**
 * The one explorer: every class in the container with metadata of `handle`, own or inherited, in module order; module class first, then
 * providers, then controllers. Aliases (`useExisting`) are not found twice; values and factories count by the class of what they gave.
 */
export function exploreClasses<T>(modules: ModulesContainer, handle: Pick<MetadataHandle<T>, 'read'>): readonly FoundClass<T>[] {
  const found: FoundClass<T>[] = [];
  for (const module of modules.values()) {
    const look = (kind: HostKind, wrapper: InstanceWrapper) => {
      const classRef = classOf(wrapper);
      const value = classRef && handle.read(classRef);
      if (value !== undefined) found.push(Object.freeze({ value, kind, classRef: classRef!, wrapper, module }));
    };
    const own = module.providers.get(module.metatype);
    if (own) look('module', own);
    for (const wrapper of module.providers.values()) if (wrapper !== own && !wrapper.isAlias) look('provider', wrapper);
    for (const wrapper of module.controllers.values()) look('controller', wrapper);
  }
  return Object.freeze(found);
}

function classOf(wrapper: InstanceWrapper): Function | undefined {
  if (!wrapper.isNotMetatype) return wrapper.metatype ?? undefined;
  const instance: unknown = wrapper.instance;
  const constructor = typeof instance === 'object' && instance !== null ? (instance as { constructor?: unknown }).constructor : undefined;
  return typeof constructor === 'function' && constructor !== Object ? constructor : undefined;
}
