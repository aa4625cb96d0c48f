import type { ModulesContainer } from '@nestjs/core';
import { BootError } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';
import type { HandlerOptions } from '../common/handler-options.js';
import { markedMethods } from '../metadata/marked-methods.js';
import { RPC_MODULE, type RpcModuleOptions } from '../metadata/rpc-module.decorator.js';
import { exploreClasses, type FoundClass } from '../wiring/explore-classes.js';
import { homeless, lifecycleMistakes, misplaced, scopeMistake } from '../wiring/handler-checks.js';
import { argumentCount, readParams } from '../wiring/handler-params.js';
import type { HostedMethod } from '../wiring/hosted-method.js';
import { checkHandlerOptions } from '../wiring/rpc-module.options.js';
import { type DeclaredMethod, type DeclaredService, GRPC_HANDLERS, GRPC_SERVICE, type GrpcHandlerOptions } from './grpc-declared.js';

/** A `@GrpcHandler` where it lives in the container. */
export interface FoundMethod {
  /** The service name of the module that has it. */
  readonly moduleType: string;
  readonly service: DeclaredService;
  /** As written, or the method's own name. */
  readonly name: string;
  readonly options: HandlerOptions;
  readonly timeoutMs: number | undefined;
  /** Its path is still open: the proto gives it. */
  readonly hosted: Omit<HostedMethod, 'path' | 'finish'>;
}

const OPTIONS = { concurrent: true, lane: true, queue: true, abandonMs: true, public: true, timeoutMs: true } as const satisfies Record<keyof GrpcHandlerOptions, true>;

/** All gRPC methods of a container. Mistakes go to `errors`. */
export function exploreGrpcMethods(modules: ModulesContainer, errors: BootError[]): FoundMethod[] {
  const decorated = exploreClasses(modules, GRPC_HANDLERS);
  for (const host of exploreClasses(modules, GRPC_SERVICE)) {
    if (markedMethods(GRPC_HANDLERS, host.classRef).length === 0) errors.push(new BootError('GRPC_METHOD', `@GrpcService('${host.value.name}') of ${host.classRef.name}: no method has @GrpcHandler(); nothing would be served`));
  }
  return decorated.flatMap((host) => methodsOf(host, errors));
}

function methodsOf(host: FoundClass<unknown>, errors: BootError[]): FoundMethod[] {
  const { classRef, module } = host;
  const methods = markedMethods(GRPC_HANDLERS, classRef);
  const service = GRPC_SERVICE.read(classRef);
  if (service === undefined) {
    errors.push(new BootError('GRPC_SERVICE', `${classRef.name} has @GrpcHandler on ${methods[0]!.method}, but no @GrpcService('package.Service', { proto }) that says of which service`));
    return [];
  }
  const type = RPC_MODULE.own(module.metatype);
  if (type === undefined) {
    errors.push(homeless('@GrpcHandler', host, methods[0]!.method));
    return [];
  }
  const scope = scopeMistake(host);
  if (scope) {
    errors.push(scope);
    return [];
  }
  return methods.flatMap((method) => {
    const found = methodOf(host, method, service, type);
    if (!Array.isArray(found)) return [found];
    errors.push(...found);
    return [];
  });
}

function methodOf({ classRef, kind, module, wrapper }: FoundClass<unknown>, entry: DeclaredMethod & { declaredBy: Function }, service: DeclaredService, { type, defaults }: RpcModuleOptions): FoundMethod | BootError[] {
  const { method, name = method, options } = entry;
  const origin = `${classRef.name}.${method}`;
  const { timeoutMs, ...own } = options;
  const mine = optionMistakes(origin, options);
  const mistakes = [...(mine.length > 0 ? mine : checkHandlerOptions(origin, name, own, '@GrpcHandler')), ...misplaced(origin, classRef, entry, entry.declaredBy, '@GrpcHandler'), ...lifecycleMistakes(origin, method, kind, '@GrpcHandler')];
  if (mistakes.length > 0) return mistakes;
  const read = readParams(classRef, method);
  const foreign = read.params.find(({ source }) => source.from === 'foreign');
  if (foreign) return [new BootError('HANDLER_PARAM', `${origin} has a decorator of HTTP handlers on parameter ${foreign.index}; handlers take @Payload(), @Ctx(), @Meta() and custom parameter decorators`)];
  const count = argumentCount(read);
  if (count !== undefined && count > 1) {
    return [new BootError('HANDLER_PARAM', `${origin} takes ${count} arguments, but a gRPC method has one, the request (or the stream of requests); put @Ctx() on a parameter for the context, @Meta() for metadata`)];
  }
  const given: HandlerOptions = { ...defaults, ...own };
  return {
    moduleType: type,
    service,
    name,
    options: given.concurrent === undefined && given.lane === undefined ? { ...given, concurrent: true } : given,
    timeoutMs,
    hosted: { kind, module, wrapper, classRef, method, params: read.params, origin },
  };
}

function optionMistakes(origin: string, options: GrpcHandlerOptions): BootError[] {
  const wrong = (what: string) => new BootError('HANDLER_OPTIONS', `@GrpcHandler of ${origin}: ${what}`);
  const known = Object.keys(OPTIONS);
  const unknown = Object.keys(options).filter((key) => !Object.hasOwn(OPTIONS, key));
  if (unknown.length > 0) return unknown.map((key) => wrong(`there is no option "${key}"${didYouMean(key, known)}; the options are ${known.join(', ')}`));
  const { timeoutMs } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0)) return [wrong(`timeoutMs ${String(timeoutMs)} must be a number of milliseconds above 0`)];
  return [];
}
