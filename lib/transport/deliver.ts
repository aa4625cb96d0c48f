import { events, type CountEvent } from '../common/events.js';
import { silentLogger, type Logger } from '../common/logger.js';
import type { Delivery, TransportEvents } from '../rpc/transport.js';

/** What a transport uses until `on` is called. */
export const NO_EVENTS: TransportEvents = { onUndeliverable() {}, onLink() {}, logger: silentLogger };

/**
 * Calls a listener. What it throws must not reach the client library, which would take it for a broken connection and stop reading.
 */
export function deliver(onMessage: (delivery: Delivery) => void, delivery: Delivery, logger: Logger | undefined): void {
  try {
    onMessage(delivery);
  } catch (error) {
    count('transport.listener_failed', delivery.address);
    logger?.error(`a listener on ${delivery.address} threw; the message is lost`, { error });
  }
}

/** Tells the app of an event; what it throws must not reach the client library either. */
export function tell(events: TransportEvents, what: 'onUndeliverable' | 'onLink', tellIt: () => void): void {
  try {
    tellIt();
  } catch (error) {
    count('transport.listener_failed', what);
    events.logger?.error(`${what} of the transport's events threw`, { error });
  }
}

/** Publishes a {@link CountEvent}. */
export function count(name: string, detail?: string): void {
  if (!events.count.hasSubscribers) return;
  const event: CountEvent = detail === undefined ? { name } : { name, detail };
  events.count.publish(event);
}
