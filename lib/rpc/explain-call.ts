import type { ExplainedNode, PickExplanation } from '../common/explanation.js';
import { messageOf } from '../common/message-of.js';
import { RpcError } from '../common/rpc-error.js';
import type { CallOptions } from './call-options.js';
import type { RpcClientDeps } from './client-deps.js';

/** What `rpc.explain` is asked with. @public */
export interface ExplainOptions extends CallOptions {
  /** Ids of nodes that the call is to have tried already. */
  exclude?: Iterable<string>;
}

/** Adds what a pick does not look at: nodes that this process has no wire in common with, on which the call fails. */
export function withWires(explanation: PickExplanation, { host, peer }: Pick<RpcClientDeps, 'host' | 'peer'>): PickExplanation {
  const notes = new Set(explanation.notes);
  const nodes = explanation.nodes.map((each): ExplainedNode => {
    if (host(each.node.id) !== undefined) return each;
    try {
      peer(each.node);
      return each;
    } catch (error) {
      if (RpcError.is(error) && error.reason === 'WIRE_MISMATCH') return { ...each, against: [...each.against, { by: 'wire', detail: error.message }] };
      notes.add(messageOf(error));
      return each;
    }
  });
  return { ...explanation, nodes, notes: [...notes] };
}
