import type { ServiceNode } from '../common/service-node.js';

/** A module's own node, as its code sees it. @public */
export interface LocalNodeHandle {
  /** `type@id` */
  readonly id: string;
  /** As published; undefined before the app advertises. */
  readonly node: ServiceNode | undefined;
  /**
   * Changes published metadata at once: given keys win, `undefined` removes a key. Resolves when the registry has it.
   * `{ state: 'forbidden' }` takes the node out of all selection but `type@id`.
   * @throws Error before the app advertises
   */
  setMetadata(patch: Readonly<Record<string, string | undefined>>): Promise<void>;
}
