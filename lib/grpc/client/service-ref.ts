import { BootError } from '../../common/boot-error.js';
import { markedMethods } from '../../metadata/marked-methods.js';
import { RPC_MODULE } from '../../metadata/rpc-module.decorator.js';
import type { ClientClass } from '../../metadata/tokens.js';
import { type DeclaredService, GRPC_HANDLERS, GRPC_SERVICE } from '../grpc-declared.js';
import { generatedService, type GrpcServiceDefinition } from '../proto-source.js';
import { type GrpcMethod, type LoadedService, methodOf, noMethod, type ProtoReader } from '../grpc.proto.js';
import type { GrpcClientOptions } from './client-options.js';

/** A client class as `loadPackageDefinition` and protoc plug-ins make it. @public */
export interface GrpcClientConstructor {
  new (...args: never[]): object;
  readonly service: GrpcServiceDefinition;
}

/** Which service a client is of: a class with `@GrpcService`, generated code, or its name (`package.Service`, with `proto` in the options). @public */
export type GrpcServiceRef = string | ClientClass | GrpcServiceDefinition | GrpcClientConstructor;

/** A service as a client calls it. */
export interface CalledService {
  readonly loaded: LoadedService;
  /** By the names that the client's functions have. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  /** Where it is, when the user does not say. */
  readonly target: string | undefined;
}

/**
 * @param where who asks, for messages
 * @throws BootError GRPC_CLIENT, GRPC_PROTO, GRPC_SERVICE, PEER_MISSING
 */
export async function calledService(ref: GrpcServiceRef, options: GrpcClientOptions, reader: ProtoReader, where: string): Promise<CalledService> {
  if (typeof ref === 'string') {
    if (options.proto === undefined) throw new BootError('GRPC_CLIENT', `${where}: the service "${ref}" is given by its name; say where it is described: { proto: 'path/of/it.proto' }`);
    const { includeDirs, keepCase, longs, enums, defaults, proto } = options;
    const given = Object.fromEntries(Object.entries({ includeDirs, keepCase, longs, enums, defaults }).filter(([, value]) => value !== undefined));
    const loaded = await reader.service(ref, proto, given, where);
    return { loaded, methods: bothNames(loaded), target: undefined };
  }
  const declared = typeof ref === 'function' ? GRPC_SERVICE.read(ref) : undefined;
  if (declared !== undefined) return declaredService(ref as ClientClass, declared, reader, where);
  // A client class is a function, and no JSON.
  const definition = generatedService(typeof ref === 'function' ? { service: (ref as Partial<GrpcClientConstructor>).service! } : ref);
  const path = definition && Object.values(definition)[0]?.path;
  if (definition === undefined || path === undefined) {
    const what = ref === undefined ? 'the service is undefined; do the two files import each other?' : typeof ref === 'function' ? `${ref.name} has no @GrpcService;` : 'that describes no service;';
    throw new BootError('GRPC_CLIENT', `${where}: ${what} give a class with @GrpcService, generated code (a service definition or a client class), or a name with { proto }`);
  }
  const loaded = await reader.service(path.split('/')[1]!, definition, {}, where);
  return { loaded, methods: bothNames(loaded), target: undefined };
}

/** A class says where its service is described, and which of its methods are the service's. */
async function declaredService(classRef: ClientClass, { name, options }: DeclaredService, reader: ProtoReader, where: string): Promise<CalledService> {
  const { proto, ...protoOptions } = options;
  const loaded = await reader.service(name, proto, protoOptions, where);
  const methods = markedMethods(GRPC_HANDLERS, classRef).map(({ method, name: own = method }) => {
    const found = methodOf(loaded, own);
    if (found === undefined) throw noMethod(loaded, own, where);
    return [method, found] as const;
  });
  const type = RPC_MODULE.own(classRef)?.type;
  return { loaded, methods: new Map(methods), target: type === undefined ? undefined : `registry:///${type}` };
}

/** For messages. */
export function describeRef(ref: GrpcServiceRef | (() => GrpcServiceRef)): string {
  if (typeof ref === 'string') return `'${ref}'`;
  if (isServiceThunk(ref)) return '() => ...';
  if (typeof ref === 'function') return (ref as { readonly name: string }).name;
  return Object.values(ref)[0]?.path?.split('/')[1] ?? 'generated code';
}

/** True for `() => Class`, false for a class. */
export function isServiceThunk(ref: GrpcServiceRef | (() => GrpcServiceRef)): ref is () => GrpcServiceRef {
  return typeof ref === 'function' && typeof (ref as { readonly prototype?: unknown }).prototype !== 'object';
}

/** `SayHello` and `sayHello`, as clients of grpc-js have both. */
function bothNames({ methods }: LoadedService): ReadonlyMap<string, GrpcMethod> {
  const all = new Map(methods);
  for (const [name, method] of methods) {
    const lower = name.charAt(0).toLowerCase() + name.slice(1);
    if (!all.has(lower)) all.set(lower, method);
  }
  return all;
}
