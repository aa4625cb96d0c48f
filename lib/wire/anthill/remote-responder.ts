import type { RpcError } from '../../common/rpc-error.js';
import type { ValueType } from '../../common/value-types.js';
import type { Codec } from '../../rpc/codec.js';
import type { HandlerEntry, Responder } from '../../rpc/handler-entry.js';
import type { NodeHost } from '../../rpc/wire.js';
import type { DueReply, Remote } from './remote.js';

/** A route of a received message: the handler it leads to, or why it leads nowhere. */
export interface InboundRoute {
  readonly host: NodeHost | undefined;
  readonly entry: HandlerEntry | undefined;
  readonly codec: Codec | undefined;
  readonly caller: string;
  readonly nodeId: string;
  readonly path: string;
  readonly codecName: string;
}

/** Answers one call of another process, and is the reply that it answers with. */
export class RemoteResponder implements Responder, DueReply {
  value: unknown;
  /** Its call is in the remote's `serving`: once it is gone from there, nobody waits for an answer any more. */
  isTracked = false;

  constructor(
    private readonly remote: Remote,
    readonly callId: number,
    readonly noReply: boolean,
    readonly codec: Codec,
    private readonly entry: HandlerEntry | undefined,
    private readonly route: InboundRoute,
  ) {}

  get returns(): ValueType | undefined {
    return this.entry?.returns;
  }

  get where(): string {
    return `${this.route.nodeId} ${this.route.path}`;
  }

  reply(value: unknown): void {
    if (this.isMute()) return;
    this.value = value === undefined ? null : value;
    this.remote.reply(this);
  }

  fail(error: RpcError): void {
    if (this.isMute()) return;
    this.remote.error(this.callId, error, this.codec);
  }

  private isMute(): boolean {
    return this.noReply || (this.isTracked && !this.remote.serving.delete(this.callId));
  }
}
