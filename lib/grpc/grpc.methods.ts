import { Inject, Injectable, Logger } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { BootError, bootErrors } from '../common/boot-error.js';
import type { RpcContext } from '../common/call-context.js';
import { rpcError } from '../common/error-catalog.js';
import { messageOf } from '../common/message-of.js';
import type { AppPart } from '../common/lifecycle.js';
import { AppPartProvider } from '../metadata/app-part.decorator.js';
import { APP_HANDLE } from '../metadata/tokens.js';
import type { ServiceHost } from '../rpc/service-host.js';
import type { HostedMethod } from '../wiring/hosted-method.js';
import { MethodBinder } from '../wiring/method-binder.js';
import type { CallTarget } from './grpc.calls.js';
import { GrpcContext } from './grpc.context.js';
import { exploreGrpcMethods, type FoundMethod } from './grpc.explorer.js';
import { type GrpcMethod, type LoadedService, methodOf, noMethod, ProtoReader } from './grpc.proto.js';

/** A method of a proto with the handler behind it. */
export interface ServedMethod extends CallTarget {
  readonly method: GrpcMethod;
}

/** A `@GrpcHandler` with the method of the proto that it serves. */
interface MatchedMethod extends FoundMethod {
  readonly method: GrpcMethod;
}

/**
 * Finds the gRPC methods of the container and makes them handlers of their modules' nodes. Before anything connects: a mistake in a proto must not
 * wait for a bus that is away.
 */
@Injectable()
@AppPartProvider()
export class GrpcMethods implements AppPart {
  readonly name = 'grpc methods';
  readonly phase = 'registry';
  readonly protos = new ProtoReader('@GrpcService');
  private readonly logger = new Logger('grpc');
  private readonly loaded = new Map<string, LoadedService>();
  private bound: readonly ServedMethod[] = [];

  constructor(
    @Inject(APP_HANDLE) private readonly host: ServiceHost,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
  ) {}

  get served(): readonly ServedMethod[] {
    return this.bound;
  }

  /** The services that have a method here. */
  get services(): readonly LoadedService[] {
    return [...this.loaded.values()];
  }

  /** @throws BootError with every mistake found */
  async start(): Promise<void> {
    const errors: BootError[] = [];
    const found = exploreGrpcMethods(this.modules, errors);
    const matched: MatchedMethod[] = [];
    for (const one of found) {
      const method = await this.match(one, errors);
      if (method) matched.push({ ...one, method });
    }
    errors.push(...duplicates(matched));
    if (errors.length > 0) throw bootErrors(errors);
    this.bound = await this.bind(matched);
    for (const service of this.loaded.values()) this.warnOfGaps(service, matched);
  }

  private async match(found: FoundMethod, errors: BootError[]): Promise<GrpcMethod | undefined> {
    const { service, hosted, name } = found;
    const { proto, ...options } = service.options;
    try {
      const loaded = await this.protos.service(service.name, proto, options, `@GrpcService('${service.name}') of ${hosted.classRef.name}`);
      this.loaded.set(service.name, loaded);
      const method = methodOf(loaded, name);
      if (method === undefined) errors.push(noMethod(loaded, name, `@GrpcHandler of ${hosted.origin}`));
      return method;
    } catch (error) {
      if (!(error instanceof BootError)) throw error;
      // The same for each method of the class: once is enough.
      if (!errors.some(({ message }) => message === error.message)) errors.push(error);
      return undefined;
    }
  }

  private async bind(matched: readonly MatchedMethod[]): Promise<ServedMethod[]> {
    const binder = new MethodBinder(this.modules, this.config);
    const hosted = matched.map(hostedOf);
    binder.check(hosted);
    return Promise.all(
      matched.map(async ({ method, moduleType, options, timeoutMs }, i): Promise<ServedMethod> => {
        const { path, origin } = hosted[i]!;
        const host = this.host.hostOf(moduleType)!;
        const invoke = await binder.bind(hosted[i]!);
        host.add({ path, origin, options, arity: { min: 1, max: 1 }, invoke: method.kind === 'unary' ? invoke : (args, context) => invoke(args, streaming(context, method)) });
        return Object.freeze({ method, kind: method.kind, host, entry: host.lookup(path)!, timeoutMs, encode: (value: unknown) => encodeReply(method, value) });
      }),
    );
  }

  /** A proto may be ahead of its service: that is no mistake, but worth a line. */
  private warnOfGaps({ name, methods }: LoadedService, matched: readonly MatchedMethod[]): void {
    const paths = new Set(matched.map(({ method }) => method.path));
    const gaps = [...methods.values()].filter(({ path }) => !paths.has(path)).map((method) => method.name);
    if (gaps.length > 0) this.logger.warn(`${name}: no @GrpcHandler for ${gaps.join(', ')}; callers get UNIMPLEMENTED`);
  }
}

function hostedOf({ hosted, method }: MatchedMethod): HostedMethod {
  const finish = method.responseStream ? (result: unknown, context: RpcContext) => (context as GrpcContext).replies!.send(result) : undefined;
  return Object.freeze({ ...hosted, path: method.path, finish });
}

/** On other wires a call is one request and one reply. */
function streaming(context: RpcContext, { kind, path }: GrpcMethod): RpcContext {
  if (context instanceof GrpcContext && context.kind === kind) return context;
  throw rpcError('NOT_IMPLEMENTED', `${path} is a ${kind} method: it can be called by gRPC only; @InjectGrpcClient gives a client`);
}

/** The reply of a handler that returns nothing: a message without fields. */
const NOTHING = Object.freeze({});

/** @throws RpcError REPLY_UNENCODABLE */
function encodeReply(method: GrpcMethod, value: unknown): Buffer {
  let bytes: Uint8Array;
  try {
    bytes = method.responseSerialize((value ?? NOTHING) as never);
  } catch (cause) {
    throw rpcError('REPLY_UNENCODABLE', `the handler of ${method.path} returned what is no reply of that method: ${messageOf(cause)}`, { cause });
  }
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function duplicates(matched: readonly MatchedMethod[]): BootError[] {
  const byPath = new Map<string, string>();
  return matched.flatMap(({ method: { path }, hosted: { origin } }) => {
    const first = byPath.get(path);
    byPath.set(path, first ?? origin);
    return first === undefined ? [] : [new BootError('DUPLICATE_HANDLER', `two methods serve ${path}: ${first} and ${origin}; a process has one gRPC server, so drop one of them or run its module in another process`)];
  });
}
