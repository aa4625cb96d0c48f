import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MethodDefinition, PackageDefinition, ProtobufTypeDefinition } from '@grpc/proto-loader';
import { BootError } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';
import { messageOf } from '../common/message-of.js';
import { loadProtoLibrary, type ProtoLibrary } from './load-grpc.js';
import { type MessageCheck, MessageChecks } from './message-check.js';
import { generatedService, type GrpcMethodDefinition, type GrpcProto, loaderOptions, type ProtoJson, type ProtoOptions } from './proto-source.js';

/** Which of the four kinds a method is, for messages and documents. */
export type GrpcKind = 'unary' | 'client streaming' | 'server streaming' | 'bidirectional';

/** A method of a service. */
export interface GrpcMethod extends GrpcMethodDefinition {
  /** As in the proto. */
  readonly name: string;
  readonly kind: GrpcKind;
}

/** A service, wherever it was described. */
export interface LoadedService {
  /** `package.Service` */
  readonly name: string;
  /** By their names in the proto. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  /** What reflection shows: the definitions of a loaded proto. Undefined for generated code, which has none. */
  readonly definitions: PackageDefinition | undefined;
}

/** Protos of our own services, for reflection: in the package beside `dist`. */
const OWN_PROTOS = ['../../../proto/grpc/health/v1/health.proto', '../../../proto/anthill.proto'];

type LoadedMethod = MethodDefinition<object, object>;
type LoadableProto = string | URL | readonly (string | URL)[] | ProtoJson | Uint8Array;

/** Reads protos, each one once. One of these per server or client. */
export class ProtoReader {
  private readonly loaded = new Map<string, Promise<PackageDefinition>>();
  /** What was read that is no file. */
  private readonly descriptors = new Set<PackageDefinition>();
  private readonly files = new Set<string>();
  private readonly includeDirs = new Set<string>();

  /** @param neededBy for the message when `@grpc/proto-loader` is missing */
  constructor(private readonly neededBy: string) {}

  /**
   * @param name `package.Service`
   * @param where who asks, for messages
   * @throws BootError GRPC_PROTO, GRPC_SERVICE, PEER_MISSING
   */
  async service(name: string, proto: GrpcProto, options: ProtoOptions, where: string): Promise<LoadedService> {
    const generated = generatedService(proto);
    if (generated) return fromGenerated(name, Object.values(generated), where);
    const definitions = await this.definitions(proto as LoadableProto, options, where);
    const service = Object.hasOwn(definitions, name) ? definitions[name]! : undefined;
    if (service === undefined || 'format' in service) throw noService(name, servicesOf(definitions), where);
    const checks = new MessageChecks(definitions);
    const methods = Object.entries(service).map(([method, definition]) => [method, describe(method, checked(definition, checks))] as const);
    return Object.freeze({ name, methods: new Map(methods), definitions });
  }

  /**
   * All that was read, and our own services, as serialized FileDescriptorProtos, for reflection. Files are read once more, all together and with their
   * own names: read apart, two of one package would each have a part of it.
   */
  async everything(): Promise<Uint8Array[]> {
    const library = await loadProtoLibrary(this.neededBy);
    const own = OWN_PROTOS.map((path) => fileURLToPath(new URL(path, import.meta.url))).filter((path) => existsSync(path));
    const options = { keepCase: true, includeDirs: [...this.includeDirs] };
    const definitions = [await library.load([...own, ...this.files], loaderOptions(options)), ...this.descriptors];
    return definitions.flatMap((definition) => Object.values(definition).flatMap((item) => (item as Partial<ProtobufTypeDefinition>).fileDescriptorProtos?.slice() ?? []).slice());
  }

  private async definitions(proto: LoadableProto, options: ProtoOptions, where: string): Promise<PackageDefinition> {
    const library = await loadProtoLibrary(this.neededBy);
    if (typeof proto !== 'string' && !(proto instanceof URL) && !Array.isArray(proto)) {
      const definitions = await parsed(() => described(library, proto as ProtoJson | Uint8Array, options), 'its descriptor', where);
      this.descriptors.add(definitions);
      return definitions;
    }
    const files = (Array.isArray(proto) ? (proto as readonly (string | URL)[]) : [proto as string | URL]).map((file) => pathOf(file, options));
    for (const file of files) this.files.add(file);
    for (const directory of options.includeDirs ?? []) this.includeDirs.add(directory);
    const key = JSON.stringify([files, options]);
    let loading = this.loaded.get(key);
    if (loading === undefined) {
      loading = parsed(() => library.load(files, loaderOptions(options)), files.join(', '), where);
      this.loaded.set(key, loading);
    }
    return loading;
  }
}

/** A method by the name of a class's method or by its own: `sayHello` means `SayHello` too. */
export function methodOf(service: LoadedService, name: string): GrpcMethod | undefined {
  return service.methods.get(name) ?? [...service.methods.values()].find((method) => method.name[0]?.toLowerCase() === name[0]?.toLowerCase() && method.name.slice(1) === name.slice(1));
}

/** A method that the proto lacks. */
export function noMethod(service: LoadedService, name: string, where: string): BootError {
  const names = [...service.methods.keys()];
  return new BootError('GRPC_METHOD', `${where}: the service ${service.name} has no method "${name}"${didYouMean(name, names)}; its methods are ${names.join(', ') || 'none'}`);
}

function described(library: ProtoLibrary, proto: ProtoJson | Uint8Array, options: ProtoOptions): PackageDefinition {
  if (proto instanceof Uint8Array) return library.loadFileDescriptorSetFromBuffer(Buffer.from(proto), loaderOptions(options));
  if (typeof proto !== 'object' || proto === null || typeof (proto as Partial<ProtoJson>).nested !== 'object') throw new Error('it is no file name, no URL, no JSON descriptor (with "nested"), no descriptor set and no generated service');
  return library.fromJSON(proto as Parameters<ProtoLibrary['fromJSON']>[0], loaderOptions(options));
}

async function parsed(load: () => PackageDefinition | Promise<PackageDefinition>, what: string, where: string): Promise<PackageDefinition> {
  try {
    return await load();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const todo = missing ? `relative paths start at ${process.cwd()}; give includeDirs for what protos import, or a URL` : 'does protoc take it?';
    throw new BootError('GRPC_PROTO', `${where}: the proto (${what}) cannot be ${missing ? 'found' : 'read'}: ${messageOf(cause)}; ${todo}`, { cause });
  }
}

function pathOf(file: string | URL, { includeDirs }: ProtoOptions): string {
  if (file instanceof URL || file.startsWith('file:')) return fileURLToPath(file);
  const path = resolve(file);
  // What is not here may be in one of the include directories: they are the library's to search.
  return includeDirs === undefined || existsSync(path) ? path : file;
}

function fromGenerated(name: string, definitions: readonly GrpcMethodDefinition[], where: string): LoadedService {
  const methods = new Map<string, GrpcMethod>();
  for (const definition of definitions) {
    const [, service, method] = definition.path.split('/');
    if (service !== name) throw noService(name, [service ?? definition.path], where);
    methods.set(method!, describe(method!, definition));
  }
  return Object.freeze({ name, methods, definitions: undefined });
}

/** Loaded messages say what is wrong with them, instead of leaving as others. */
function checked(definition: LoadedMethod, checks: MessageChecks): GrpcMethodDefinition {
  const { requestType, responseType, requestSerialize, responseSerialize } = definition;
  const guarded = (serialize: (value: object) => Buffer, check: MessageCheck | undefined) => (check === undefined ? serialize : (value: object) => (check(value), serialize(value)));
  const [request, response] = [checks.of(requestType.type), checks.of(responseType.type)];
  return { ...definition, requestSerialize: guarded(requestSerialize, request), responseSerialize: guarded(responseSerialize, response) };
}

function describe(name: string, definition: GrpcMethodDefinition): GrpcMethod {
  const { path, requestStream, responseStream, requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } = definition;
  const kind = requestStream ? (responseStream ? 'bidirectional' : 'client streaming') : responseStream ? 'server streaming' : 'unary';
  return Object.freeze({ name, kind, path, requestStream, responseStream, requestSerialize, requestDeserialize, responseSerialize, responseDeserialize });
}

function servicesOf(definitions: PackageDefinition): string[] {
  return Object.entries(definitions).flatMap(([name, definition]) => ('format' in definition ? [] : [name]));
}

function noService(name: string, known: readonly string[], where: string): BootError {
  return new BootError('GRPC_SERVICE', `${where}: the proto has no service "${name}"${didYouMean(name, known)}; its services are ${known.join(', ') || 'none'} (the name is package.Service)`);
}
