import { ClientProxy, type MsPattern, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { BootError } from '../common/boot-error.js';
import type { CallOptions } from '../rpc/call-options.js';
import type { Rpc } from '../rpc/rpc.client.js';
import { AnthillRecord } from './anthill-record.js';

/** Options of {@link AnthillClientProxy}; besides the two, those of all its calls. @public */
export interface AnthillClientOptions extends CallOptions {
  /** The app's client, or how to get it when it is first needed. */
  rpc: Rpc | (() => Rpc);
  /** Service name, or `type@id` for one node. */
  target: string;
}

/**
 * Nest's ClientProxy over Anthill: `send` is `rpc.call`, `emit` is `rpc.notify`, with the payload as the one argument and the pattern as path.
 * Observables of `send` are cold; unsubscribing cancels the call, so that rxjs' `timeout()` reaches the callee. Errors are `RpcError`; what a
 * remote RpcException carried is in its code, message and details.
 * @public
 */
export class AnthillClientProxy extends ClientProxy {
  private readonly target: string;
  private readonly source: Rpc | (() => Rpc);
  private readonly callOptions: CallOptions;
  private readonly inFlight = new Set<AbortController>();

  /** @throws BootError CLIENT_PROXY when rpc or target is missing */
  constructor(options: AnthillClientOptions) {
    super();
    const { rpc, target, ...callOptions } = options ?? {};
    if (!rpc || typeof target !== 'string' || target === '') {
      throw new BootError('CLIENT_PROXY', `AnthillClientProxy needs { rpc, target }: the client of an app (app.rpc) and the name of the service to call; in a module use ClientsModule.registerAsync([anthillClient({ name, target })])`);
    }
    this.source = rpc;
    this.target = target;
    this.callOptions = callOptions;
  }

  /** Nothing to do: the app connects when it starts. Until then calls to other processes fail. */
  override async connect(): Promise<void> {
    this._status$.next('connected');
  }

  /** Cancels the calls in flight. The app, and this client after the next call, live on. */
  override close(): void {
    for (const call of this.inFlight) call.abort();
    this._status$.next('disconnected');
  }

  /** The `Rpc` behind it. */
  override unwrap<T = Rpc>(): T {
    return this.rpc as T;
  }

  protected override publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const { rpc } = this;
    const { path, data, options } = this.read(packet);
    const cancel = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, cancel.signal]) : cancel.signal;
    const end = (answer: WritePacket): void => {
      this.inFlight.delete(cancel);
      callback(answer);
    };
    this.inFlight.add(cancel);
    rpc.call(this.target, path, [data], { ...options, signal }).then(
      (response) => end({ response, isDisposed: true }),
      (err: unknown) => end({ err, isDisposed: true }),
    );
    return () => {
      if (this.inFlight.delete(cancel)) cancel.abort();
    };
  }

  protected override async dispatchEvent<T>(packet: ReadPacket): Promise<T> {
    const { path, data, options } = this.read(packet);
    await this.rpc.notify(this.target, path, [data], options);
    return undefined as T;
  }

  private get rpc(): Rpc {
    return typeof this.source === 'function' ? this.source() : this.source;
  }

  private read({ pattern, data, metadata }: ReadPacket<unknown>): { path: string; data: unknown; options: CallOptions } {
    const record = data instanceof AnthillRecord ? data : undefined;
    const merged = { ...this.callOptions.metadata, ...metadata, ...record?.options.metadata };
    return {
      path: String(this.normalizePattern(pattern as MsPattern)),
      data: record ? record.data : data,
      options: { ...this.callOptions, ...record?.options, ...(Object.keys(merged).length > 0 && { metadata: merged }) },
    };
  }
}
