import type { NatsConnection, Subscription as VendorSubscription } from '@nats-io/transport-node';
import type { Logger } from '../../common/logger.js';
import type { Delivery, Subscription } from '../../rpc/transport.js';
import { count, deliver } from '../deliver.js';

/** One subscription of ours; outlives the client library's, which ends when the server denies it. */
export class NatsSubscription implements Subscription {
  /** What the server said when it denied it. */
  denied: Error | undefined;
  private inner: VendorSubscription | undefined;
  private isClosed = false;

  constructor(
    readonly address: string,
    private readonly onMessage: (delivery: Delivery) => void,
    private readonly logger: () => Logger | undefined,
    private readonly onClose: (subscription: NatsSubscription) => void,
  ) {}

  open(connection: NatsConnection): void {
    this.denied = undefined;
    const { address, onMessage } = this;
    // Decoding the subject of each message costs more than all else here.
    const isExact = !/[*>]/.test(address);
    this.inner = connection.subscribe(address, {
      callback: (error, message) => {
        if (this.isClosed) return;
        if (error) return this.onDenied(error);
        deliver(onMessage, { bytes: message.data, address: isExact ? address : message.subject }, this.logger());
      },
    });
  }

  /** Tries again what was denied: after a reconnect permissions may be others. The library itself renews the rest. */
  renew(connection: NatsConnection): void {
    if (this.denied !== undefined) this.open(connection);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.inner?.unsubscribe();
    this.onClose(this);
  }

  async drain(): Promise<void> {
    if (this.isClosed) return;
    // Resolves with the server's answer to a ping behind the UNSUB: all that it had routed to us by then came before it.
    await this.inner?.drain().catch(() => {});
    this.close();
  }

  private onDenied(error: Error): void {
    this.denied = error;
    count('nats.subscription_denied', this.address);
    this.logger()?.error(`NATS does not let us listen on ${this.address} (${error.message}); extend the permissions of this user on the server`);
  }
}
