import type { Clock } from '../common/clock.js';
import type { CallOutcome, NodeFilter, ServiceChange } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import type { ServiceSnapshot } from '../registry/registry.js';
import type { FilterSet } from './filter-set.js';
import { isForbidden } from './filters.js';
import type { OutlierLimits } from './outlier-options.js';
import { Outliers, type OutlierEvents } from './outliers.js';
import { changesBetween } from '../registry/snapshot.js';
import { SuddenLoss } from './sudden-loss.js';
import { UnreachableMarks } from './unreachable-marks.js';

/** More filter keys than this in use at once on one service, and the oldest is compiled again. */
const MAX_VIEWS = 64;

/** The nodes that pass one set of filters, and those of them that are not avoided. */
export interface View {
  /** Avoided ones included. */
  readonly eligible: readonly ServiceNode[];
  usable: readonly ServiceNode[];
  epoch: number;
}

/** What all services of a directory have in common. */
export interface ServiceSettings {
  readonly clock: Clock;
  now(): number;
  readonly filters: FilterSet;
  /** Share of the nodes, 0 to 1, below which ejections are ignored and a loss of nodes is doubted. */
  readonly panicShare: number;
  readonly holdMs: number;
  readonly outliers: OutlierLimits | undefined;
  readonly outlierEvents: OutlierEvents;
  changed(change: ServiceChange): void;
  /** The registry lost so many nodes at once that the missing ones are kept for a while. */
  doubted(service: string, listed: number, known: number): void;
}

/**
 * One service that has (or had) nodes: the last good snapshot, and what picks need of it, computed once per change and not per pick.
 */
export class KnownService {
  private current: readonly ServiceNode[] = [];
  private readonly byId = new Map<string, ServiceNode>();
  private everything: View = viewOf([]);
  private readonly views = new Map<string, View>();
  readonly type: string;
  readonly marks = new UnreachableMarks();
  readonly outliers: Outliers | undefined;
  private readonly loss: SuddenLoss;
  private cancelHold: (() => void) | undefined;
  /** Ends its watch. */
  readonly watching = new AbortController();
  /** Set by picks, cleared by the sweep that ends unused watches: cheaper than a look at the clock per pick. */
  used = true;
  idleSweeps = 0;

  constructor(snapshot: ServiceSnapshot, private readonly settings: ServiceSettings) {
    this.type = snapshot.service;
    this.loss = new SuddenLoss(settings.panicShare, settings.holdMs);
    this.outliers = settings.outliers && new Outliers(settings.outliers, settings.outlierEvents);
    this.replace(snapshot.nodes);
  }

  get nodes(): readonly ServiceNode[] {
    return this.current;
  }

  node(id: string): ServiceNode | undefined {
    return this.byId.get(id);
  }

  /** The registry misses it, and it is kept for a while. */
  isHeld(id: string): boolean {
    return this.loss.has(id);
  }

  /** Takes a new snapshot. False: nothing differs. */
  accept(snapshot: ServiceSnapshot): boolean {
    const { clock } = this.settings;
    const wasHolding = this.loss.isHolding;
    const change = this.replace(this.loss.admit(snapshot.nodes, this.current, clock.now()));
    if (this.loss.isHolding && !wasHolding) this.settings.doubted(this.type, snapshot.nodes.length, this.current.length);
    this.cancelHold?.();
    this.cancelHold = this.loss.isHolding ? clock.after(this.loss.until - clock.now(), () => this.endHold()) : undefined;
    if (change !== undefined) this.settings.changed(change);
    return change !== undefined;
  }

  /** A call found it unreachable. */
  markUnreachable(node: ServiceNode): void {
    this.letGo(node.id);
    this.marks.mark(node, this.settings.clock.now());
  }

  /** Somebody needs to hear of calls that went well. */
  get wantsSuccess(): boolean {
    return !this.marks.isEmpty || (this.outliers !== undefined && !this.outliers.isEmpty);
  }

  /** A node was picked by a strategy. */
  picked(node: ServiceNode): void {
    if (this.outliers?.hasTrials) this.outliers.picked(node.id, this.settings.clock.now());
  }

  /** What came of a call to a node that this service has, or had. */
  report(node: ServiceNode, outcome: CallOutcome): void {
    // No time between pick and outcome: the node was only looked up, which proves nothing.
    if (outcome.ok && outcome.latencyMs > 0 && !this.marks.isEmpty) this.marks.succeeded(node.id);
    if (outcome.error !== undefined && outcome.error.reason === 'DRAINING') this.letGo(node.id);
    this.outliers?.report(node, outcome, this, this.settings.now);
  }

  /** The nodes that the filters accept; filters without a key are left to {@link candidates}. */
  view(filters: FilterSet | undefined): View {
    if (filters === undefined || filters.keyed.length === 0) return this.everything;
    let view = this.views.get(filters.key);
    if (view === undefined) {
      if (this.views.size >= MAX_VIEWS) this.views.delete(this.views.keys().next().value!);
      view = viewOf(this.everything.eligible.filter((node) => filters.keyed.every((accepts) => accepts(node))));
      this.views.set(filters.key, view);
    }
    return view;
  }

  /**
   * Nodes to choose from. The same array as long as nothing changed, unless `tried` or filters without a key make it one of its own. Avoided nodes are
   * left out while enough others are there: with all of them unreachable, a try is better than an error.
   */
  candidates(view: View, filters: FilterSet | undefined, tried: ReadonlySet<string> | undefined): readonly ServiceNode[] {
    const usable = this.usable(view);
    const ofApp = this.settings.filters.perPick;
    const isPlain = ofApp.length === 0 && (filters === undefined || filters.perPick.length === 0) && (tried === undefined || tried.size === 0);
    return isPlain ? usable : narrowed(view, usable, [...ofApp, ...(filters?.perPick ?? [])], tried);
  }

  /** Its watch ended. */
  close(): void {
    this.watching.abort();
    this.cancelHold?.();
  }

  private usable(view: View): readonly ServiceNode[] {
    const { marks, outliers, settings } = this;
    if (marks.size > 0) marks.expire(settings.clock.now());
    if (outliers !== undefined && outliers.size > 0) outliers.expire(settings.clock.now());
    const epoch = marks.epoch + (outliers?.epoch ?? 0);
    if (view.epoch !== epoch) {
      view.usable = this.withoutAvoided(view.eligible);
      view.epoch = epoch;
    }
    return view.usable;
  }

  private withoutAvoided(eligible: readonly ServiceNode[]): readonly ServiceNode[] {
    const { marks, outliers } = this;
    const reachable = marks.size === 0 ? eligible : eligible.filter((node) => !marks.has(node.id));
    const some = reachable.length > 0 && reachable.length < eligible.length ? reachable : eligible;
    if (outliers === undefined || outliers.size === 0) return some;
    const healthy = some.filter((node) => !outliers.has(node.id));
    // Too few would have to bear everything: then those that fail now and then are better than those few alone.
    const isPanic = healthy.length === 0 || healthy.length < this.settings.panicShare * eligible.length;
    return isPanic || healthy.length === some.length ? some : healthy;
  }

  private letGo(id: string): void {
    if (!this.loss.drop(id)) return;
    const change = this.replace(this.current.filter((node) => node.id !== id));
    if (change !== undefined) this.settings.changed(change);
  }

  private endHold(): void {
    this.cancelHold = undefined;
    const change = this.replace(this.current.filter((node) => !this.loss.has(node.id)));
    this.loss.end();
    if (change !== undefined) this.settings.changed(change);
  }

  private replace(nodes: readonly ServiceNode[]): ServiceChange | undefined {
    const changes = changesBetween(this.current, nodes);
    if (changes === undefined) return undefined;
    const { added, changed, removed } = changes;
    this.current = changes.nodes;
    for (const { id } of removed) this.byId.delete(id);
    for (const node of changed) this.byId.set(node.id, node);
    for (const node of added) this.byId.set(node.id, node);
    this.views.clear();
    this.everything = viewOf(this.current.filter((node) => !isForbidden(node) && this.settings.filters.keyed.every((accepts) => accepts(node))));
    this.marks.keepOnly(this.byId);
    this.outliers?.keepOnly(this.byId);
    return { service: this.type, added, changed, removed };
  }
}

/** Those that this one call may use; avoided ones when no others are left. */
function narrowed({ eligible }: View, usable: readonly ServiceNode[], filters: readonly NodeFilter[], tried: ReadonlySet<string> | undefined): readonly ServiceNode[] {
  const fits = (node: ServiceNode) => !tried?.has(node.id) && filters.every((accepts) => accepts(node));
  const fitting = usable.filter(fits);
  return fitting.length > 0 || usable === eligible ? fitting : eligible.filter(fits);
}

function viewOf(nodes: ServiceNode[]): View {
  const eligible = Object.freeze(nodes);
  return { eligible, usable: eligible, epoch: -1 };
}
