import { ApplicationConfig, ModuleRef, type ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper, Module } from '@nestjs/core/internal';
import { BootError, bootErrors } from '../common/boot-error.js';
import type { HandlerOptions } from '../common/handler-options.js';
import { HANDLERS, handlersOf } from '../metadata/handler.decorator.js';
import { RPC_MODULE, type RpcModuleOptions } from '../metadata/rpc-module.decorator.js';
import { untypedConstructor } from './constructor-types.js';
import { exploreClasses, type FoundClass } from './explore-classes.js';
import { homeless, lifecycleMistakes, misplaced, scopeMistake } from './handler-checks.js';
import { readParams, type HandlerParam } from './handler-params.js';
import type { HostedMethod } from './hosted-method.js';
import { signatureOf, type HandlerSignature } from './handler-types.js';
import { checkHandlerOptions, checkModuleOptions } from './rpc-module.options.js';

/** A handler where it lives in the container. Frozen. */
export interface HostedHandler extends HostedMethod, HandlerSignature {
  /** The handler's own, over the module's `defaults`. */
  readonly options: HandlerOptions;
}

/** A service where it lives in the container. Frozen. */
export interface RpcModuleDescriptor {
  readonly type: string;
  readonly options: Readonly<RpcModuleOptions>;
  readonly classRef: Function;
  readonly module: Module;
  readonly wrapper: InstanceWrapper;
  readonly handlers: readonly HostedHandler[];
}

/**
 * All services of a container with their handlers.
 * @throws BootError with every mistake of the user at once
 */
export function exploreRpcModules(modules: ModulesContainer): readonly RpcModuleDescriptor[] {
  const errors: BootError[] = [];
  const hosts = exploreClasses(modules, HANDLERS);
  const found = exploreClasses(modules, { read: RPC_MODULE.own }).filter(({ kind }) => kind === 'module');
  const services = new Set(found.map(({ module }) => module));
  for (const host of hosts) if (!services.has(host.module)) errors.push(homeless('@Handler', host, handlersOf(host.classRef)[0]?.method ?? '?'));
  const byType = new Map<string, Function>();
  const descriptors = found.map((service): RpcModuleDescriptor => {
    const { value: options, classRef, module, wrapper } = service;
    errors.push(...checkModuleOptions(classRef.name, options), ...untyped(module));
    const twin = byType.get(options.type);
    if (twin) errors.push(twins(options.type, twin, classRef));
    byType.set(options.type, classRef);
    const handlers = hosts.filter((host) => host.module === module).flatMap((host) => readHandlers(host, options.defaults, errors));
    errors.push(...duplicates(classRef, handlers));
    return Object.freeze({ type: options.type, options, classRef, module, wrapper, handlers: Object.freeze(handlers) });
  });
  if (errors.length > 0) throw bootErrors(errors);
  return Object.freeze(descriptors);
}

function readHandlers(host: FoundClass<unknown>, defaults: HandlerOptions | undefined, errors: BootError[]): HostedHandler[] {
  const { classRef, kind, module, wrapper } = host;
  const declared = handlersOf(classRef);
  const mistake = scopeMistake(host);
  if (mistake) {
    errors.push(mistake);
    return [];
  }
  return declared.flatMap((entry) => {
    const { method, path, declaredBy } = entry;
    const origin = `${classRef.name}.${method}`;
    const mistakes = [...checkHandlerOptions(origin, path, entry.options), ...misplaced(origin, classRef, entry, declaredBy), ...lifecycleMistakes(origin, method, kind)];
    errors.push(...mistakes);
    if (mistakes.length > 0) return [];
    const options = Object.freeze({ ...defaults, ...entry.options });
    const read = readParams(classRef, method);
    const signature = signatureOf(read, options);
    errors.push(...signatureMistakes(origin, read.params, signature, options));
    return [Object.freeze({ kind, module, wrapper, classRef, method, path, options, params: read.params, origin, ...signature })];
  });
}

function signatureMistakes(origin: string, params: readonly HandlerParam[], { arity }: HandlerSignature, { args, optional = 0 }: HandlerOptions): BootError[] {
  const errors = params
    .filter(({ source }) => source.from === 'foreign')
    .map(({ index }) => new BootError('HANDLER_PARAM', `${origin} has a decorator of HTTP handlers on parameter ${index}; handlers take @Payload(), @Ctx(), @Meta() and custom parameter decorators`));
  if (arity && optional > arity.max) {
    errors.push(new BootError('HANDLER_OPTIONS', `@Handler of ${origin}: optional ${optional} is more than the ${arity.max} argument(s) that the method takes`));
  }
  if (args && arity && args.length > arity.max) {
    errors.push(new BootError('HANDLER_OPTIONS', `@Handler of ${origin}: args declares ${args.length} types, but the method takes ${arity.max} argument(s)`));
  }
  return errors;
}

function untyped(module: Module): BootError[] {
  const wrappers = new Set([...module.providers.values(), ...module.controllers.values()]);
  return [...wrappers].flatMap(({ isNotMetatype, metatype, isAlias }) => {
    // Nest makes its own core providers itself, without looking at their types.
    if (metatype === ModuleRef || metatype === ApplicationConfig) return [];
    if (isNotMetatype || isAlias || typeof metatype !== 'function') return [];
    return untypedConstructor(metatype) ?? [];
  });
}

function duplicates(classRef: Function, handlers: readonly HostedHandler[]): BootError[] {
  const byPath = new Map<string, HostedHandler>();
  const errors: BootError[] = [];
  for (const handler of handlers) {
    const first = byPath.get(handler.path);
    if (first) errors.push(new BootError('DUPLICATE_HANDLER', `two handlers of ${classRef.name} share the path '${handler.path}': ${first.origin} and ${handler.origin}; rename one of them`));
    else byPath.set(handler.path, handler);
  }
  return errors;
}

function twins(type: string, first: Function, second: Function): BootError {
  const what = first === second ? `${first.name} is in the app twice (as two dynamic modules?)` : `${first.name} and ${second.name} are both of type '${type}'`;
  return new BootError('DUPLICATE_MODULE', `${what}: a process runs one node of a service; give one of them another type, or run it in another process`);
}
