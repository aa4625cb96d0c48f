import { currentContext, type RpcContext } from '../common/call-context.js';
import { rpcError } from '../common/error-catalog.js';
import type { PickExplanation } from '../common/explanation.js';
import { messageOf } from '../common/message-of.js';
import { RpcError } from '../common/rpc-error.js';
import type { Picked } from '../common/selection.js';
import { parseTarget, type ServiceNode } from '../common/service-node.js';
import { ByteWriter } from './byte-writer.js';
import type { CallOptions, ReplyOf } from './call-options.js';
import type { RpcClientDeps } from './client-deps.js';
import { type ExplainOptions, withWires } from './explain-call.js';
import { intercept, type CallInfo } from './interceptor.js';
import { callLocal } from './local-call.js';
import type { LocalNodeHandle } from './local-node-handle.js';
import { type CallOwner, PendingCall } from './pending-call.js';
import { RpcSession } from './rpc-session.js';
import type { Signalled } from './signal-fan.js';
import type { ReplyType } from '../common/value-types.js';

const NO_OPTIONS: CallOptions = Object.freeze({});
const NO_ARGS: readonly unknown[] = Object.freeze([]);
const DEFAULT_REDIRECTS = 3;
const LISTENING: Signalled = Object.freeze({ signalled() {} });

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

  /**
   * What a call would find, for people and dashboards: every node of the service, what speaks against it, what the strategy goes by, and its choice. Nothing is
   * sent, counted or marked; filters of your own run.
   */
  async explain(target: string, path: string, options: ExplainOptions = NO_OPTIONS): Promise<PickExplanation> {
    const { exclude, ...own } = options;
    let routed: string;
    try {
      routed = this.route(target, path);
    } catch (error) {
      throw this.hookFailed(error, target, path);
    }
    return withWires(await this.deps.picker.explain(routed, path, this.merge(own), exclude && new Set(exclude)), this.deps);
  }

  /** The same client with other defaults. */
  with(defaults: CallOptions): Rpc {
    return new Rpc(this.deps, this.merge(defaults), this.local);
  }

  /**
   * @internal
   * @param isRouted the target is a node that was chosen before, and is not looked up in the map of routes
   */
  start(target: string, path: string, args: readonly unknown[], options: CallOptions | undefined, noReply: boolean, isRouted = false): Promise<unknown> {
    const merged = this.merge(options);
    const parent = currentContext();
    const metadata = inherit(merged.metadata, parent);
    const { interceptors } = this.deps;
    if (interceptors.length === 0) {
      try {
        return this.issue(target, path, args, merged, noReply, metadata, parent, isRouted).promise;
      } catch (error) {
        return Promise.reject(this.hookFailed(error, target, path));
      }
    }
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
      call = this.issue(target, path, info.args, merged, noReply, info.metadata, parent, isRouted);
      return call.promise;
    }).catch((error: unknown) => {
      throw this.hookFailed(error, target, path);
    });
  }

  /** What the user's own code on the way out threw. Callers are promised an RpcError, whatever went wrong. */
  private hookFailed(error: unknown, target: string, path: string): unknown {
    if (RpcError.is(error) || this.deps.errorTypes.knows(error)) return error;
    return rpcError('CLIENT_HOOK_FAILED', `an interceptor or the mapRoute of this app failed in the call to ${target} ${path}: ${messageOf(error)}`, { cause: error });
  }

  private issue(
    target: string,
    path: string,
    args: readonly unknown[],
    options: CallOptions,
    noReply: boolean,
    metadata: Readonly<Record<string, string>> | undefined,
    surrounding: RpcContext | undefined,
    isRouted: boolean,
  ): PendingCall {
    const caller = options.caller ?? this.local?.id ?? surrounding?.nodeId ?? this.deps.caller;
    // Work that goes on after the handler has answered is no part of that call: its deadline and its lane are over.
    const parent = surrounding?.ended ? undefined : surrounding;
    const routed = isRouted ? target : this.route(target, path);
    const call = new PendingCall(this, this.deps.shared.nextId++, routed, path, args, options, noReply, metadata, parent, caller);
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
    if (picked instanceof Promise) this.sendLater(call, picked, last);
    else this.send(call, picked);
  }

  /** Apart from `attempt`, which would otherwise make room for these closures on every call. */
  private sendLater(call: PendingCall, picking: Promise<Picked>, last: RpcError | undefined): void {
    picking.then(
      (picked) => this.send(call, picked),
      (error: unknown) => this.giveUp(call, last, error),
    );
  }

  /** No (other) node: the reason of the first failure says more than "none left". */
  private giveUp(call: PendingCall, last: RpcError | undefined, error: unknown): void {
    call.picked = undefined;
    call.localContext = undefined;
    call.fail(last ?? (RpcError.is(error) ? error : rpcError('NODE_UNREACHABLE', `no node of ${call.target} could be picked: ${messageOf(error)}`, { cause: error })));
  }

  private send(call: PendingCall, picked: Picked): void {
    if (call.done) return picked.done({ ok: true, latencyMs: 0 });
    call.picked = picked;
    const host = this.deps.host(picked.node.id);
    if (host !== undefined) return callLocal(call, host, this.deps, this.scratch);
    try {
      call.peer = this.deps.peer(picked.node);
    } catch (error) {
      return call.fail(error as RpcError);
    }
    call.peer.send(call);
    // Unless it failed at once, and another node is being picked.
    if (call.noReply && call.picked === picked) call.handedOver();
  }

  /** @internal Tries another node after the request reached nobody. False: it is over. */
  redirect(call: PendingCall, error: RpcError): boolean {
    // The whole transport is away, or the message is too large for it: other nodes are no nearer, and the caller should know now.
    if (error.reason === 'TRANSPORT_DOWN' || error.reason === 'PAYLOAD_TOO_LARGE' || call.picked === undefined) return false;
    const tried = (call.tried ??= new Set());
    tried.add(call.picked.node.id);
    if (tried.size > (call.options.redirects ?? DEFAULT_REDIRECTS) || parseTarget(call.target).nodeId !== undefined) return false;
    call.judge(error);
    call.picked = call.peer = call.localContext = undefined;
    this.attempt(call, error);
    return true;
  }

  /**
   * @internal Many calls will be made with this signal, one after the other: from now on none of them adds a listener of its own. For signals that abort in the end, or
   * go with those who hold them.
   */
  keepListening(signal: AbortSignal): void {
    this.deps.shared.signals.add(signal, LISTENING);
  }

  private route(target: string, path: string): string {
    return this.deps.mapRoute === undefined ? target : this.deps.mapRoute(target, path);
  }

  private merge(options: CallOptions | undefined): CallOptions {
    if (options === undefined) return this.defaults;
    if (this.defaults === NO_OPTIONS) return options;
    const filters = this.defaults.filters && options.filters ? [...this.defaults.filters, ...options.filters] : (options.filters ?? this.defaults.filters);
    const merged: Record<string, unknown> = { ...this.defaults };
    // What is undefined is not said.
    for (const key of Object.keys(options) as (keyof CallOptions)[]) if (options[key] !== undefined) merged[key] = options[key];
    if (filters !== undefined) merged['filters'] = filters;
    return merged;
  }
}

/** Own metadata, and what the surrounding call passes on. */
function inherit(own: Readonly<Record<string, string>> | undefined, parent: RpcContext | undefined): Readonly<Record<string, string>> | undefined {
  if (parent === undefined) return own;
  let merged: Record<string, string> | undefined;
  for (const key in parent.metadata) if (key.startsWith('x-')) (merged ??= {})[key] = parent.metadata[key]!;
  return merged === undefined ? own : Object.assign(merged, own);
}
