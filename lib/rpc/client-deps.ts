import type { Clock } from '../common/clock.js';
import type { DeadlineQueue } from '../common/deadline-queue.js';
import type { NodePicker } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import type { ClientShared } from './client-shared.js';
import type { Codec } from './codec.js';
import type { ErrorTypes } from './error-types.js';
import type { Interceptor } from './interceptor.js';
import type { CallCarrier, NodeHost } from './wire.js';

/** What the client works with; the app provides it. */
export interface RpcClientDeps {
  readonly picker: NodePicker;
  /** A node of this process, by id. */
  readonly host: (nodeId: string) => NodeHost | undefined;
  /** The wire to speak with a node. @throws RpcError WIRE_MISMATCH, APP_NOT_STARTED */
  readonly peer: (node: ServiceNode) => CallCarrier;
  readonly shared: ClientShared;
  readonly deadlines: DeadlineQueue;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly errorTypes: ErrorTypes;
  /** Default deadline of a call. A reload of the config may change it. */
  timeoutMs: number;
  /** Name given to callees for calls made outside of handlers. */
  readonly caller: string;
  readonly interceptors: readonly Interceptor[];
  /** Rewrites each target before it is looked up (mqant's SetMapRoute). */
  readonly mapRoute?: ((target: string, path: string) => string) | undefined;
}
