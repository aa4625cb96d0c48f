import type { ServiceNode } from './service-node.js';

/** Keeps the nodes for which it returns true. Compile-once filters (`version()`, `label()`) carry a `key`, so that their result is cached per snapshot. @public */
export interface NodeFilter {
  (node: ServiceNode): boolean;
  /** Two filters of the same key accept the same nodes. Without a key the filter runs on every pick. */
  readonly key?: string;
}

/** What a strategy may look at besides the nodes. @public */
export interface PickHint {
  /** Service name. */
  readonly type: string;
  readonly path: string;
  /** For strategies that keep a key on one node. */
  readonly hashKey?: string;
}

/** How a picked node did. @public */
export interface CallOutcome {
  readonly ok: boolean;
  /** Milliseconds between pick and outcome. */
  readonly latencyMs: number;
}

/**
 * Chooses one of the candidates. The array is the same object as long as its content is the same, so that a strategy may cache by it.
 * @public
 */
export interface Selector {
  readonly name: string;
  /** `undefined` when none fits. Candidates are never empty. */
  pick(candidates: readonly ServiceNode[], hint: PickHint): ServiceNode | undefined;
  /** Called once for each picked node, whatever came of the call. */
  done?(node: ServiceNode, outcome: CallOutcome): void;
}

/** Selection per app, per client or per call; the more specific strategy wins, filters add up. @public */
export interface SelectOptions {
  selector?: Selector;
  filters?: readonly NodeFilter[];
  hashKey?: string;
}

/** A node and the way to say how it did. */
export interface Picked {
  readonly node: ServiceNode;
  /** False: nobody looks at the outcome, so that the caller need not measure it. A failure is told all the same. */
  readonly wantsOutcome?: boolean;
  done(outcome: CallOutcome): void;
}

/** What changed in a service. */
export interface ServiceChange {
  readonly service: string;
  readonly added: readonly ServiceNode[];
  /** As they are now. */
  readonly changed: readonly ServiceNode[];
  readonly removed: readonly ServiceNode[];
}

/** What the RPC client needs of discovery. */
export interface NodePicker {
  /**
   * Picks a node for `target` (`type` or `type@id`). Synchronous while a snapshot is at hand.
   * @param exclude ids already tried by this call
   * @throws RpcError SERVICE_NOT_FOUND, NODE_NOT_FOUND or NO_NODE_MATCHES (rejects, when asynchronous)
   */
  pick(target: string, path: string, options: SelectOptions | undefined, exclude?: ReadonlySet<string>): Picked | Promise<Picked>;
  /** A node proved unreachable: avoid it until the registry says something new of it, or for a while. */
  markUnreachable(node: ServiceNode): void;
  /** All known nodes of a service (mqant GetServersByType). */
  nodes(type: string): Promise<readonly ServiceNode[]>;
  /** Calls `listener` with each change of a service in use, for who keeps connections to nodes. Returns the function that ends it. */
  onChange(listener: (change: ServiceChange) => void): () => void;
}
