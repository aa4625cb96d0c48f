import type { PickExplanation, SelectorView } from './explanation.js';
import type { RpcCodeName } from './rpc-code.js';
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
  readonly hashKey?: string | undefined;
  /** Zone of this process, when it has one. */
  readonly zone?: string | undefined;
  /**
   * Nodes that the filters accept, those included that are avoided for now (unreachable, ejected) and so are no candidates. The same array as long
   * as its content is the same.
   */
  readonly eligible?: readonly ServiceNode[];
}

/** How a picked node did. @public */
export interface CallOutcome {
  /** False: the node is gone or does not answer in time. An error of the handler is `ok`. */
  readonly ok: boolean;
  /** Milliseconds between pick and outcome; 0 for a node that was only looked up. */
  readonly latencyMs: number;
  /** What the call failed with. */
  readonly error?: OutcomeError | undefined;
}

/** The part of an `RpcError` that says something of the node. @public */
export interface OutcomeError {
  readonly code: RpcCodeName;
  readonly reason: string;
  /** The node answered with it; false: it arose on this side, as a deadline does. */
  readonly remote: boolean;
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
  /** For `rpc.explain`: what `pick` would do now. Changes nothing that a pick looks at. */
  explain?(candidates: readonly ServiceNode[], hint: PickHint): SelectorView;
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
  /** What `pick` would do now, and why. Nothing is counted, marked or watched. */
  explain(target: string, path: string, options: SelectOptions | undefined, exclude?: ReadonlySet<string>): Promise<PickExplanation>;
  /** Calls `listener` with each change of a service in use, for who keeps connections to nodes. Returns the function that ends it. */
  onChange(listener: (change: ServiceChange) => void): () => void;
}
