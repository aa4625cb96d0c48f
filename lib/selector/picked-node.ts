import type { CallOutcome, Picked, Selector } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import type { KnownService } from './known-service.js';

/** A pick: tells the service and the strategy what came of it, once. */
export class PickedNode implements Picked {
  private told = false;

  constructor(
    readonly node: ServiceNode,
    private readonly service: KnownService,
    private readonly selector: Selector | undefined,
  ) {}

  get wantsOutcome(): boolean {
    return this.selector?.done !== undefined || this.service.wantsSuccess;
  }

  done(outcome: CallOutcome): void {
    if (this.told) return;
    this.told = true;
    this.service.report(this.node, outcome);
    this.selector?.done?.(this.node, outcome);
  }
}
