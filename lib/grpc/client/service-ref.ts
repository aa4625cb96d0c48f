import { BootError } from '../../common/boot-error.js';
import { generatedService, type GrpcServiceDefinition } from '../proto-source.js';
import type { GrpcMethod, LoadedService, ProtoReader } from '../grpc.proto.js';
import type { GrpcClientOptions } from './client-options.js';

/** A client class as `loadPackageDefinition` and protoc plug-ins make it. @public */
export interface GrpcClientConstructor {
  new (...args: never[]): object;
  readonly service: GrpcServiceDefinition;
}

/** Which service a client is of: its name (`package.Service`, with `proto` in the options) or generated code. @public */
export type GrpcServiceRef = string | GrpcServiceDefinition | GrpcClientConstructor;

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
  const definition = generatedService(ref as GrpcServiceDefinition);
  const path = definition && Object.values(definition)[0]?.path;
  if (definition === undefined || path === undefined) {
    throw new BootError('GRPC_CLIENT', `${where}: ${ref === undefined ? 'the service is undefined; do the two files import each other?' : 'that is no service'} Give its name, or generated code: a service definition or a client class`);
  }
  const loaded = await reader.service(path.split('/')[1]!, definition, {}, where);
  return { loaded, methods: bothNames(loaded), target: undefined };
}

/** For messages. */
export function describeRef(ref: GrpcServiceRef | (() => GrpcServiceRef)): string {
  if (typeof ref === 'string') return `'${ref}'`;
  if (isServiceThunk(ref)) return '() => ...';
  if (typeof ref === 'function') return ref.name;
  return Object.values(ref)[0]?.path?.split('/')[1] ?? 'generated code';
}

/** True for `() => Class`, false for a class. */
export function isServiceThunk(ref: GrpcServiceRef | (() => GrpcServiceRef)): ref is () => GrpcServiceRef {
  return typeof ref === 'function' && typeof ref.prototype !== 'object';
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
