import { events } from '../../common/events.js';

/** Counts what should not happen; see docs/mqant-wire.md for the names. */
export function counted(name: 'frame.dropped' | 'reply.unknown' | 'reply.lost', detail: string): void {
  if (events.count.hasSubscribers) events.count.publish({ name, detail });
}
