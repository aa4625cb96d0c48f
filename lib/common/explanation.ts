import type { RpcCodeName } from './rpc-code.js';
import type { ServiceNode } from './service-node.js';

/** What a strategy would do with its candidates. @public */
export interface SelectorView {
  /** The node that a pick would return now. Where chance decides: one that it may return. */
  readonly choice: ServiceNode | undefined;
  /** The next pick returns `choice`, unless something happens before. */
  readonly certain: boolean;
  /** What the numbers of `scores` are: `chance`, `calls in flight`. */
  readonly scoring?: string | undefined;
  /** The number that decides, by node id. */
  readonly scores?: ReadonlyMap<string, number> | undefined;
  /** Candidates that the strategy leaves out, by node id, and why. */
  readonly leftOut?: ReadonlyMap<string, string>;
  /** What else decided, in words. */
  readonly notes?: readonly string[];
}

/** Something that speaks against a node. @public */
export interface Objection {
  readonly by: 'state' | 'filter' | 'unreachable' | 'ejected' | 'excluded' | 'selector' | 'wire';
  /** The filter's key or name, how long a mark lasts, ... */
  readonly detail: string;
}

/** One node of the service, as a pick sees it. @public */
export interface ExplainedNode {
  readonly node: ServiceNode;
  /** The strategy may choose it. */
  readonly candidate: boolean;
  /** Everything that speaks against it. A candidate can have some: when too few nodes are left, those that are only avoided are used all the same. */
  readonly against: readonly Objection[];
  /** What the strategy goes by, see `scoring`. */
  readonly score?: number;
  /** The registry misses it since a sudden loss of nodes, and it is kept for a while. */
  readonly held?: true;
}

/** What a call would find. @public */
export interface PickExplanation {
  /** As the map of routes has it. */
  readonly target: string;
  /** Service name. */
  readonly type: string;
  readonly path: string;
  /** The service has, or had a moment ago, nodes in the registry. */
  readonly known: boolean;
  /** Name of the strategy; undefined for `type@id`, which means that node. */
  readonly selector: string | undefined;
  readonly nodes: readonly ExplainedNode[];
  /** What the scores of the nodes are. */
  readonly scoring?: string | undefined;
  /** The node that a call made now would get; where chance decides (`certain` is false), one that it may get. */
  readonly choice: ServiceNode | undefined;
  readonly certain: boolean;
  /** What else decided, in words. */
  readonly notes: readonly string[];
  /** What the call would fail with, when no node can be picked. */
  readonly error?: { readonly code: RpcCodeName; readonly reason: string; readonly message: string };
}
