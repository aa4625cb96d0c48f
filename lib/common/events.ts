import { channel, type Channel } from 'node:diagnostics_channel';

/**
 * What the core tells the world, on node:diagnostics_channel: metrics, traces and call logs listen there, the core knows none of them.
 * A channel that nobody listens to costs one property read.
 * @plugin
 */
export const events = {
  /** A call ended at its caller: {@link CallEvent}. */
  clientCall: channel('anthill:client.call'),
  /** A call ended at its callee: {@link CallEvent}. */
  serverCall: channel('anthill:server.call'),
  /** Something was counted that should not happen: {@link CountEvent}. */
  count: channel('anthill:count'),
  /** The app changed state: {@link StateEvent}. */
  state: channel('anthill:state'),
} satisfies Record<string, Channel>;

/** @plugin */
export interface CallEvent {
  readonly target: string;
  readonly path: string;
  readonly wire: string;
  readonly durationMs: number;
  /** Undefined when it went well. */
  readonly error?: { readonly code: string; readonly reason: string };
}

/** @plugin */
export interface CountEvent {
  /** `frame.dropped`, `reply.unknown`, `queue.rejected`, ... */
  readonly name: string;
  readonly detail?: string;
}

/** @plugin */
export interface StateEvent {
  readonly app: string;
  readonly from: string;
  readonly to: string;
}
