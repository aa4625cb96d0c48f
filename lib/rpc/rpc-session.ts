import type { ServiceNode } from '../common/service-node.js';
import type { ReplyType } from '../common/value-types.js';
import type { CallOptions, ReplyOf } from './call-options.js';

const NO_ARGS: readonly unknown[] = Object.freeze([]);

/** What a session needs of its client. */
export interface SessionClient {
  /** @param isRouted the target is a node that was chosen before, and is not looked up in the map of routes */
  start(target: string, path: string, args: readonly unknown[], options: CallOptions | undefined, noReply: boolean, isRouted: boolean): Promise<unknown>;
}

/** One node, chosen once. @public */
export class RpcSession {
  constructor(
    private readonly client: SessionClient,
    readonly node: ServiceNode,
    private readonly options: CallOptions,
  ) {}

  call<R extends ReplyType>(path: string, args: readonly unknown[] | undefined, options: CallOptions & { returns: R }): Promise<ReplyOf<R>>;
  call<T = unknown>(path: string, args?: readonly unknown[], options?: CallOptions): Promise<T>;
  call(path: string, args: readonly unknown[] = NO_ARGS, options?: CallOptions): Promise<unknown> {
    return this.client.start(this.node.id, path, args, { ...this.options, ...options }, false, true);
  }

  async notify(path: string, args: readonly unknown[] = NO_ARGS, options?: CallOptions): Promise<void> {
    await this.client.start(this.node.id, path, args, { ...this.options, ...options }, true, true);
  }
}
