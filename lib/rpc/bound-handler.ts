import type { HeldLane, RpcContext } from '../common/call-context.js';
import { BootError } from '../common/boot-error.js';
import type { HandlerDescriptor, HandlerEntry } from './handler-entry.js';
import { Lane } from './lane.js';
import { compileCoercion } from './reply-type.js';

export const DEFAULT_QUEUE = 1024;
const DEFAULT_ABANDON_MS = 1000;

/** A handler with its lanes: what the server's table holds. */
export interface BoundHandler extends HandlerEntry {
  readonly origin: string;
  readonly arity: HandlerDescriptor['arity'];
  readonly lanes: readonly Lane[];
  /** What a call chain through this handler holds; undefined for concurrent ones. */
  readonly held: HeldLane | undefined;
  readonly abandonMs: number;
  readonly coerce: ((args: readonly unknown[]) => readonly unknown[]) | undefined;
  readonly invoke: (args: readonly unknown[], context: RpcContext) => unknown;
}

/** The lanes of one node: made on first use, shared by name. */
export class LaneTable {
  private readonly lanes = new Map<string, Lane>();
  private readonly cap: Lane | undefined;

  /** @param maxConcurrent cap over all handlers of the node (`Rpc.MaxCoroutine`) */
  constructor(
    private readonly nodeId: string,
    maxConcurrent: number | undefined,
    private readonly defaultQueue = DEFAULT_QUEUE,
  ) {
    this.cap = maxConcurrent === undefined ? undefined : new Lane('node', maxConcurrent, defaultQueue);
  }

  bind(descriptor: HandlerDescriptor): BoundHandler {
    const { options, path, origin, arity, sessionAt, invoke } = descriptor;
    const lane = this.laneOf(descriptor);
    const lanes: Lane[] = [];
    if (lane) lanes.push(lane);
    if (this.cap) lanes.push(this.cap);
    return Object.freeze<BoundHandler>({
      path,
      origin,
      arity,
      lanes,
      held: lane?.limit === 1 ? Object.freeze({ node: this.nodeId, lane: lane.name, path }) : undefined,
      abandonMs: options.abandonMs ?? DEFAULT_ABANDON_MS,
      argTypes: options.args,
      sessionAt,
      returns: options.returns,
      public: options.public ?? isForClients(path),
      coerce: compileCoercion(options.args),
      invoke,
    });
  }

  /** Waiting calls by lane, for health and metrics. */
  *depths(): Iterable<{ lane: string; active: number; waiting: number }> {
    for (const lane of [...this.lanes.values(), ...(this.cap ? [this.cap] : [])]) yield { lane: lane.name, active: lane.active, waiting: lane.depth };
  }

  private laneOf({ options, path, origin }: HandlerDescriptor): Lane | undefined {
    const { concurrent = false, lane, queue = this.defaultQueue } = options;
    if (concurrent === true) {
      if (lane !== undefined) throw new BootError('HANDLER_OPTIONS', `${origin} has { concurrent: true } and { lane: '${lane}' }: a concurrent handler has no lane; drop one of the two`);
      return undefined;
    }
    const limit = concurrent === false ? 1 : concurrent;
    if (!Number.isInteger(limit) || limit < 1) throw new BootError('HANDLER_OPTIONS', `${origin} has { concurrent: ${limit} }: give true, false or a whole number from 1`);
    const unnamed = concurrent === false ? 'serial' : `limit:${path}`;
    return this.lane(lane === undefined ? unnamed : lane === 'handler' ? `handler:${path}` : `lane:${lane}`, limit, queue, origin);
  }

  private lane(name: string, limit: number, queue: number, origin: string): Lane {
    if (!(queue >= 0)) throw new BootError('HANDLER_OPTIONS', `${origin} has { queue: ${queue} }: give a whole number from 0`);
    let lane = this.lanes.get(name);
    if (lane === undefined) {
      lane = new Lane(name, limit, queue);
      this.lanes.set(name, lane);
    } else if (lane.limit !== limit) {
      throw new BootError('HANDLER_OPTIONS', `${origin} asks for lane '${name}' with ${limit} at a time, another handler of it with ${lane.limit}: make them equal`);
    }
    lane.widen(queue);
    return lane;
  }
}

/** mqant's convention: clients of a gate may call what begins with `HD_`, and nothing else. */
function isForClients(path: string): boolean {
  return path.startsWith('HD_');
}
