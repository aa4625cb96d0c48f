import type { ServiceChange } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import type { ServiceSnapshot } from '../registry/registry.js';
import { snapshotOf } from '../registry/snapshot.js';
import type { FilterSet } from './filter-set.js';
import { isForbidden } from './filters.js';
import { UnreachableMarks } from './unreachable-marks.js';

/** More filter keys than this in use at once on one service, and the oldest is compiled again. */
const MAX_VIEWS = 64;

/** The nodes that pass one set of filters, and those of them that are not avoided. */
interface View {
  readonly eligible: readonly ServiceNode[];
  reachable: readonly ServiceNode[];
  epoch: number;
}

/**
 * One service that has (or had) nodes: the last good snapshot, and what picks need of it, computed once per change and not per pick.
 */
export class KnownService {
  private byId: ReadonlyMap<string, ServiceNode> = new Map();
  private everything: View;
  private readonly views = new Map<string, View>();
  readonly marks = new UnreachableMarks();
  /** Ends its watch. */
  readonly watching = new AbortController();
  /** Set by picks, cleared by the sweep that ends unused watches: cheaper than a look at the clock per pick. */
  used = true;
  idleSweeps = 0;

  constructor(private current: ServiceSnapshot, private readonly app: FilterSet) {
    this.everything = this.index();
  }

  get type(): string {
    return this.current.service;
  }

  get nodes(): readonly ServiceNode[] {
    return this.current.nodes;
  }

  node(id: string): ServiceNode | undefined {
    return this.byId.get(id);
  }

  /** Takes a new snapshot; undefined when nothing differs. */
  accept(snapshot: ServiceSnapshot): ServiceChange | undefined {
    const before = this.byId;
    const next = snapshotOf(this.type, snapshot.nodes, this.current);
    if (next === this.current) return undefined;
    this.current = next;
    this.everything = this.index();
    this.marks.keepOnly(this.byId);
    return {
      service: this.type,
      added: next.nodes.filter((node) => !before.has(node.id)),
      changed: next.nodes.filter((node) => before.has(node.id) && before.get(node.id) !== node),
      removed: [...before.values()].filter((node) => !this.byId.has(node.id)),
    };
  }

  /**
   * Nodes to choose from. The same array as long as nothing changed, unless `tried` or filters without a key make it one of its own. Nodes marked unreachable
   * are left out while there is any other: with all of them marked, a try is better than an error.
   */
  candidates(filters: FilterSet | undefined, tried: ReadonlySet<string> | undefined, now: () => number): readonly ServiceNode[] {
    const view = filters === undefined || filters.keyed.length === 0 ? this.everything : this.view(filters);
    const reachable = this.reachable(view, now);
    const ofCall = filters?.perPick ?? [];
    const ofApp = this.app.perPick;
    if (ofCall.length === 0 && ofApp.length === 0 && (tried === undefined || tried.size === 0)) return reachable;
    const fits = (node: ServiceNode) => !tried?.has(node.id) && ofApp.every((accepts) => accepts(node)) && ofCall.every((accepts) => accepts(node));
    const fitting = reachable.filter(fits);
    return fitting.length > 0 || reachable === view.eligible ? fitting : view.eligible.filter(fits);
  }

  private reachable(view: View, now: () => number): readonly ServiceNode[] {
    const { marks } = this;
    if (marks.size > 0) marks.expire(now());
    if (view.epoch !== marks.epoch) {
      const live = marks.size === 0 ? view.eligible : view.eligible.filter((node) => !marks.has(node.id));
      view.reachable = live.length > 0 && live.length < view.eligible.length ? live : view.eligible;
      view.epoch = marks.epoch;
    }
    return view.reachable;
  }

  private view(filters: FilterSet): View {
    let view = this.views.get(filters.key);
    if (view === undefined) {
      if (this.views.size >= MAX_VIEWS) this.views.delete(this.views.keys().next().value!);
      const eligible = Object.freeze(this.everything.eligible.filter((node) => filters.keyed.every((accepts) => accepts(node))));
      view = { eligible, reachable: eligible, epoch: -1 };
      this.views.set(filters.key, view);
    }
    return view;
  }

  private index(): View {
    this.byId = new Map(this.current.nodes.map((node) => [node.id, node]));
    this.views.clear();
    const eligible = Object.freeze(this.current.nodes.filter((node) => !isForbidden(node) && this.app.keyed.every((accepts) => accepts(node))));
    return { eligible, reachable: eligible, epoch: -1 };
  }
}
