import type { ModulesContainer } from '@nestjs/core';
import { BootError, bootErrors } from '../common/boot-error.js';
import { keysOf } from '../config/config.js';
import type { ConfigState } from '../config/config-state.js';
import { configListenersOf } from '../metadata/config.decorators.js';
import { exploreClasses } from '../wiring/explore-classes.js';

/** Lets methods with `@OnConfigChange` hear of changes. @throws BootError with every mistake */
export async function bindConfigListeners(modules: ModulesContainer, state: ConfigState): Promise<void> {
  const mistakes: BootError[] = [];
  const listeners = exploreClasses(modules, { read: configListenersOf }).flatMap(({ value, classRef, wrapper }) =>
    value.flatMap(({ path, schema, method, isMethod }) => {
      const origin = `${classRef.name}.${method}`;
      if (!isMethod) mistakes.push(new BootError('CONFIG_LISTENER', `@OnConfigChange('${path}') on ${origin}: it wants a method of an instance`));
      else if (!wrapper.isDependencyTreeStatic()) mistakes.push(new BootError('CONFIG_LISTENER', `@OnConfigChange('${path}') on ${origin}: ${classRef.name} depends on something request-scoped, and between requests there is nobody to tell; put the method into a class that lives as long as the app`));
      else return [{ want: { path: keysOf(path), schema }, instance: wrapper.instance as Record<string, (value: unknown, previous: unknown) => unknown>, method }];
      return [];
    }),
  );
  if (mistakes.length > 0) throw bootErrors(mistakes);
  await state.declare(listeners.map(({ want }) => want));
  for (const { want, instance, method } of listeners) state.valueOf(want).onChange((value, previous) => instance[method]!(value, previous));
}
