import { currentContext, RpcContext } from '../common/call-context.js';
import { rpcError } from '../common/error-catalog.js';
import { RpcError } from '../common/rpc-error.js';
import type { Picked } from '../common/selection.js';
import { parseTarget, type ServiceNode } from '../common/service-node.js';
import { ByteWriter } from './byte-writer.js';
import type { CallOptions, ReplyOf } from './call-options.js';
import type { RpcClientDeps } from './client-deps.js';
import { handlerNotFound } from './handler-not-found.js';
import { intercept, type CallInfo } from './interceptor.js';
import { type CallOwner, PendingCall } from './pending-call.js';
import { isolate } from './value-slots.js';
import type { ReplyType } from '../common/value-types.js';
import type { NodeHost } from './wire.js';

const NO_OPTIONS: CallOptions = Object.freeze({});
const NO_ARGS: readonly unknown[] = Object.freeze([]);
const DEFAULT_REDIRECTS = 3;

/** A module's own node, as its code sees it. @public */
export interface LocalNodeHandle {
  /** `type@id` */
  readonly id: string;
  /** As published; undefined before the app advertises. */
  readonly node: ServiceNode | undefined;
  /**
   * Changes published metadata at once: given keys win, `undefined` removes a key. Resolves when the registry has it.
   * `{ state: 'forbidden' }` takes the node out of all selection but `type@id`.
   * @throws Error before the app advertises
   */
  setMetadata(patch: Readonly<Record<string, string | undefined>>): Promise<void>;
}

/**
 * Calls other services. `target` is a service name, or `type@id` for one node. Inject it with `@InjectRpc()`.
 * @public
 */
export class Rpc implements CallOwner {
  /** @internal */ readonly scratch = new ByteWriter(1024);
  /** @internal */ resolve!: (value: unknown) => void;
  /** @internal */ reject!: (error: unknown) => void;
  /** @internal */ readonly executor = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
    this.resolve = resolve;
    this.reject = reject;
  };

  /** @internal */
  constructor(
    readonly deps: RpcClientDeps,
    private readonly defaults: CallOptions = NO_OPTIONS,
    /** The node of the module that this client was injected into; undefined outside of modules. */
    readonly local: LocalNodeHandle | undefined = undefined,
  ) {}

  /**
   * Calls a handler and waits for its reply.
   * @param args positional arguments
   * @throws RpcError always, whatever went wrong; or a class declared with `@RpcErrorClass`
   */
  call<R extends ReplyType>(target: string, path: string, args: readonly unknown[] | undefined, options: CallOptions & { returns: R }): Promise<ReplyOf<R>>;
  call<T = unknown>(target: string, path: string, args?: readonly unknown[], options?: CallOptions): Promise<T>;
  call(target: string, path: string, args: readonly unknown[] = NO_ARGS, options?: CallOptions): Promise<unknown> {
    return this.start(target, path, args, options, false);
  }

  /** Calls a handler and waits for no reply (mqant's InvokeNR): resolves when the request is handed over; what comes of it stays unknown. */
  async notify(target: string, path: string, args: readonly unknown[] = NO_ARGS, options?: CallOptions): Promise<void> {
    await this.start(target, path, args, options, true);
  }

  /** Chooses a node once: all calls of the session go to it. */
  async session(target: string, options?: CallOptions): Promise<RpcSession> {
    const merged = this.merge(options);
    const picked = await this.deps.picker.pick(this.route(target, ''), '', merged);
    picked.done({ ok: true, latencyMs: 0 });
    return new RpcSession(this, picked.node, merged);
  }

  /** The live nodes of a service (mqant's GetServersByType). */
  nodes(type: string): Promise<readonly ServiceNode[]> {
    return this.deps.picker.nodes(type);
  }

  /** A node by `type@id` (mqant's GetServerByID). @throws RpcError NODE_NOT_FOUND */
  async node(id: string): Promise<ServiceNode> {
    const picked = await this.deps.picker.pick(id, '', undefined);
    picked.done({ ok: true, latencyMs: 0 });
    return picked.node;
  }

  /** The same client with other defaults. */
  with(defaults: CallOptions): Rpc {
    return new Rpc(this.deps, this.merge(defaults), this.local);
  }

  private start(target: string, path: string, args: readonly unknown[], options: CallOptions | undefined, noReply: boolean): Promise<unknown> {
    const merged = this.merge(options);
    const parent = currentContext();
    const metadata = inherit(merged.metadata, parent);
    const { interceptors } = this.deps;
    if (interceptors.length === 0) return this.issue(target, path, args, merged, noReply, metadata, parent).promise;
    let call: PendingCall | undefined;
    const info: CallInfo = {
      side: 'client',
      target,
      path,
      args,
      metadata: { ...metadata },
      context: parent,
      get node() {
        return call?.picked?.node;
      },
    };
    return intercept(interceptors, info, () => {
      call = this.issue(target, path, info.args, merged, noReply, info.metadata, parent);
      return call.promise;
    });
  }

  private issue(
    target: string,
    path: string,
    args: readonly unknown[],
    options: CallOptions,
    noReply: boolean,
    metadata: Readonly<Record<string, string>> | undefined,
    parent: RpcContext | undefined,
  ): PendingCall {
    const caller = options.caller ?? parent?.nodeId ?? this.deps.caller;
    const call = new PendingCall(this, this.deps.ids.next++, this.route(target, path), path, args, options, noReply, metadata, parent, caller);
    if (call.arm()) this.attempt(call, undefined);
    return call;
  }

  /** Picks and sends. `last` is why the previous attempt did not arrive. */
  private attempt(call: PendingCall, last: RpcError | undefined): void {
    let picked: Picked | Promise<Picked>;
    try {
      picked = this.deps.picker.pick(call.target, call.path, call.options, call.tried);
    } catch (error) {
      return this.giveUp(call, last, error);
    }
    if (picked instanceof Promise) {
      picked.then(
        (found) => this.send(call, found),
        (error: unknown) => this.giveUp(call, last, error),
      );
    } else {
      this.send(call, picked);
    }
  }

  /** No (other) node: the reason of the first failure says more than "none left". */
  private giveUp(call: PendingCall, last: RpcError | undefined, error: unknown): void {
    call.picked = undefined;
    const failure = last ?? (RpcError.is(error) ? error : rpcError('NODE_UNREACHABLE', `no node of ${call.target} could be picked: ${(error as Error).message}`, { cause: error }));
    call.fail(failure.undelivered ? new RpcError({ ...failure, message: failure.message, undelivered: false, cause: failure }) : failure);
  }

  private send(call: PendingCall, picked: Picked): void {
    if (call.done) return picked.done({ ok: true, latencyMs: 0 });
    call.picked = picked;
    const host = this.deps.host(picked.node.id);
    if (host !== undefined) return this.sendLocal(call, host);
    try {
      call.peer = this.deps.peer(picked.node);
    } catch (error) {
      return call.fail(error as RpcError);
    }
    call.peer.send(call);
    if (call.noReply) call.handedOver();
  }

  /** A node of this process: no transport, but the same lanes, deadline, interceptors and errors. */
  private sendLocal(call: PendingCall, host: NodeHost): void {
    const entry = host.lookup(call.path);
    if (entry === undefined || (call.external && !entry.public)) return call.fail(handlerNotFound(host, call.path, call.external));
    const { args, argTypes } = call;
    let input = args;
    if (call.options.localCopy !== false) {
      try {
        for (let i = 0; i < args.length; i++) {
          const value = args[i];
          if (typeof value === 'string' && entry.argTypes === undefined) continue;
          const copy = isolate(value, argTypes?.[i], entry.argTypes?.[i], call.codec, this.scratch, 'argument');
          if (copy === value) continue;
          if (input === args) input = args.slice();
          (input as unknown[])[i] = copy;
        }
      } catch (error) {
        return call.fail(error as RpcError);
      }
    }
    const { chain, metadata, external, path, caller, deadlineAt } = call;
    const context = new RpcContext({ path, nodeId: host.nodeId, caller, metadata, deadlineAt, external, chain, wire: 'local' }, this.deps.clock);
    call.localContext = context;
    call.localReturns = entry.returns;
    host.dispatch(entry, input, context, call.noReply ? IGNORED : call);
    if (call.noReply) call.handedOver();
  }

  /** @internal Tries another node after the request reached nobody. False: it is over. */
  redirect(call: PendingCall, error: RpcError): boolean {
    // The whole transport is away: other nodes are no nearer, and the caller should know now.
    if (error.reason === 'TRANSPORT_DOWN' || call.picked === undefined) return false;
    const tried = (call.tried ??= new Set());
    tried.add(call.picked.node.id);
    if (tried.size > (call.options.redirects ?? DEFAULT_REDIRECTS) || parseTarget(call.target).nodeId !== undefined) return false;
    call.judge(error);
    call.picked = call.peer = call.localContext = undefined;
    this.attempt(call, error);
    return true;
  }

  private route(target: string, path: string): string {
    return this.deps.mapRoute === undefined ? target : this.deps.mapRoute(target, path);
  }

  private merge(options: CallOptions | undefined): CallOptions {
    if (options === undefined) return this.defaults;
    if (this.defaults === NO_OPTIONS) return options;
    const filters = this.defaults.filters && options.filters ? [...this.defaults.filters, ...options.filters] : (options.filters ?? this.defaults.filters);
    return { ...this.defaults, ...options, ...(filters && { filters }) };
  }
}

/** One node, chosen once. @public */
export class RpcSession {
  constructor(
    private readonly rpc: Rpc,
    readonly node: ServiceNode,
    private readonly options: CallOptions,
  ) {}

  call<R extends ReplyType>(path: string, args: readonly unknown[] | undefined, options: CallOptions & { returns: R }): Promise<ReplyOf<R>>;
  call<T = unknown>(path: string, args?: readonly unknown[], options?: CallOptions): Promise<T>;
  call(path: string, args: readonly unknown[] = NO_ARGS, options?: CallOptions): Promise<unknown> {
    return this.rpc.call(this.node.id, path, args, { ...this.options, ...options });
  }

  notify(path: string, args: readonly unknown[] = NO_ARGS, options?: CallOptions): Promise<void> {
    return this.rpc.notify(this.node.id, path, args, { ...this.options, ...options });
  }
}

const IGNORED = { reply() {}, fail() {} };

/** Own metadata, and what the surrounding call passes on. */
function inherit(own: Readonly<Record<string, string>> | undefined, parent: RpcContext | undefined): Readonly<Record<string, string>> | undefined {
  if (parent === undefined) return own;
  let merged: Record<string, string> | undefined;
  for (const key in parent.metadata) if (key.startsWith('x-')) (merged ??= {})[key] = parent.metadata[key]!;
  return merged === undefined ? own : Object.assign(merged, own);
}
