import { systemClock, type Clock } from '../../common/clock.js';
import { DeadlineQueue } from '../../common/deadline-queue.js';
import type { NodePicker } from '../../common/selection.js';
import type { RpcClientDeps } from '../../rpc/client-deps.js';
import { ClientShared } from '../../rpc/client-shared.js';
import { ErrorTypes } from '../../rpc/error-types.js';
import { msgpack } from '../../rpc/msgpack.codec.js';
import { rpcError } from '../../common/error-catalog.js';

const DEFAULT_TIMEOUT_MS = 10_000;

/** What calls are made with where there is no app: the same, with its defaults. */
export function standaloneDeps(picker: NodePicker, caller: string, clock: Clock = systemClock): RpcClientDeps & { readonly deadlines: DeadlineQueue } {
  return {
    picker,
    host: () => undefined,
    peer: (node) => {
      throw rpcError('WIRE_MISMATCH', `${node.id} is called over gRPC only`);
    },
    shared: new ClientShared(),
    deadlines: new DeadlineQueue(clock),
    clock,
    codec: msgpack(),
    errorTypes: new ErrorTypes(),
    timeoutMs: DEFAULT_TIMEOUT_MS,
    caller,
    interceptors: [],
  };
}
