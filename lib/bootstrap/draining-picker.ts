import type { PickExplanation } from '../common/explanation.js';
import type { NodePicker, Picked, SelectOptions, ServiceChange } from '../common/selection.js';
import { parseTarget, type ServiceNode } from '../common/service-node.js';

/**
 * Picks as the directory does. A process that drains has taken its nodes out of the registry, but work in flight may still call them:
 * where the directory finds nobody else, they serve.
 */
export class DrainingPicker implements NodePicker {
  /** Set while the process drains: its node of a service. */
  own: ((type: string) => ServiceNode | undefined) | undefined;

  constructor(private readonly directory: NodePicker) {}

  pick(target: string, path: string, options: SelectOptions | undefined, exclude?: ReadonlySet<string>): Picked | Promise<Picked> {
    if (this.own === undefined) return this.directory.pick(target, path, options, exclude);
    const instead = (error: unknown): Picked => {
      const { type, nodeId } = parseTarget(target);
      const node = this.own?.(type);
      const fits = node !== undefined && (nodeId === undefined ? (options?.filters ?? []).every((filter) => filter(node)) : nodeId === node.id);
      if (!fits || exclude?.has(node.id)) throw error;
      return { node, wantsOutcome: false, done() {} };
    };
    try {
      const picked = this.directory.pick(target, path, options, exclude);
      return picked instanceof Promise ? picked.catch(instead) : picked;
    } catch (error) {
      return instead(error);
    }
  }

  markUnreachable(node: ServiceNode): void {
    this.directory.markUnreachable(node);
  }

  explain(target: string, path: string, options: SelectOptions | undefined, exclude?: ReadonlySet<string>): Promise<PickExplanation> {
    return this.directory.explain(target, path, options, exclude);
  }

  nodes(type: string): Promise<readonly ServiceNode[]> {
    return this.directory.nodes(type);
  }

  onChange(listener: (change: ServiceChange) => void): () => void {
    return this.directory.onChange(listener);
  }
}
