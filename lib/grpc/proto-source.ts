import type { MethodDefinition } from '@grpc/grpc-js';

/** A method as the gRPC library wants it: of code that protoc plug-ins or ts-proto generated, or of `@grpc/proto-loader`. @public */
export type GrpcMethodDefinition = Pick<MethodDefinition<never, unknown>, 'path' | 'requestStream' | 'responseStream'> & {
  readonly requestSerialize: (value: never) => Uint8Array;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Uint8Array;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
};

/** A service of generated code. @public */
export type GrpcServiceDefinition = Readonly<Record<string, GrpcMethodDefinition>>;

/** A descriptor as `pbjs -t json` writes it. @public */
export interface ProtoJson {
  readonly nested: Readonly<Record<string, unknown>>;
}

/**
 * Where a service is described: a `.proto` file or several (a relative path starts at the working directory of the process; a `URL` at the
 * module: `new URL('../proto/x.proto', import.meta.url)`), a JSON descriptor, the bytes of a FileDescriptorSet
 * (`protoc --include_imports --descriptor_set_out`), or generated code: a service definition, or a client class that has one as `service`.
 * @public
 */
export type GrpcProto = string | URL | readonly (string | URL)[] | ProtoJson | Uint8Array | GrpcServiceDefinition | { readonly service: GrpcServiceDefinition };

/**
 * What messages of loaded protos look like. Generated code has its own ways.
 * @public
 */
export interface ProtoOptions {
  /** Where `import` in protos looks. */
  includeDirs?: readonly string[];
  /** Field names as they are in the proto. @default false: `user_id` is `userId` */
  keepCase?: boolean;
  /** 64-bit integers. Given ones may be numbers, bigints or strings in any case. @default 'string': exact past 2^53 */
  longs?: 'string' | 'number';
  /** @default 'string': the name of the value */
  enums?: 'string' | 'number';
  /** Fields that were not sent are there with their defaults; messages that were not sent are null. Empty lists and maps are there in any case. @default true */
  defaults?: boolean;
}

/** The options of `@grpc/proto-loader` for ours. */
export function loaderOptions({ includeDirs, keepCase = false, longs = 'string', enums = 'string', defaults = true }: ProtoOptions): object {
  return {
    keepCase,
    defaults,
    longs: longs === 'number' ? Number : String,
    ...(enums === 'string' && { enums: String }),
    // An empty list that is missing breaks the first `for` over it.
    arrays: true,
    objects: true,
    // The name of the field that is set, under the name of the oneof.
    oneofs: true,
    ...(includeDirs && { includeDirs: [...includeDirs] }),
  };
}

/** The definition in generated code; undefined for what has to be loaded. */
export function generatedService(proto: GrpcProto): GrpcServiceDefinition | undefined {
  if (typeof proto !== 'object' || proto === null || proto instanceof URL || Array.isArray(proto) || proto instanceof Uint8Array) return undefined;
  const { service } = proto as { service?: unknown };
  if (isDefinition(service)) return service;
  return isDefinition(proto) ? proto : undefined;
}

function isDefinition(value: unknown): value is GrpcServiceDefinition {
  if (typeof value !== 'object' || value === null) return false;
  const methods = Object.values(value);
  return methods.length > 0 && methods.every((method) => typeof (method as Partial<GrpcMethodDefinition> | null)?.path === 'string' && typeof (method as Partial<GrpcMethodDefinition>).responseSerialize === 'function');
}
