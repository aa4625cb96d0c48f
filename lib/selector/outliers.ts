import type { CallOutcome, OutcomeError } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import type { OutlierLimits } from './outlier-options.js';

interface Record {
  /** The object that failed: another object of this id is news of the registry. */
  readonly node: ServiceNode;
  /**
   * `out`: ejected. `trial`: its time is over, and the next pick of it is the trial. `tried`: that call is under way, and no other is sent. `in`: as any
   * other, though with ejections behind it one more failure is enough until it has done as many calls well as would have had to fail.
   */
  state: 'in' | 'out' | 'trial' | 'tried';
  /** In a row. */
  failures: number;
  /** In a row, since it came back. */
  successes: number;
  /** In a row: as long as it has not stayed in for the longest ejection. */
  ejections: number;
  /** `out`, `tried`: when it may be tried (again). `in`: when its ejections are forgotten. */
  until: number;
}

/** What is to be told of ejections. */
export interface OutlierEvents {
  ejected(node: ServiceNode, forMs: number, last: OutcomeError): void;
  returned(node: ServiceNode): void;
}

/** The service that outcomes are of. */
export interface ReportedService {
  readonly nodes: readonly ServiceNode[];
  node(id: string): ServiceNode | undefined;
}

/**
 * Nodes of one service that answer with failures, call after call: left out for a while, then tried with one call, and back when that goes well. What it looks at
 * are the outcomes of the calls that are made anyway.
 */
export class Outliers {
  private readonly records = new Map<string, Record>();
  private nextExpiry = Infinity;
  private outCount = 0;
  private trialCount = 0;
  /** Changes whenever the set of ejected nodes does. */
  epoch = 0;

  constructor(
    private readonly limits: OutlierLimits,
    private readonly events: OutlierEvents,
  ) {}

  /** How many nodes are left out. */
  get size(): number {
    return this.outCount;
  }

  /** No node has failures behind it: nobody needs to hear of successes. */
  get isEmpty(): boolean {
    return this.records.size === 0;
  }

  has(id: string): boolean {
    const state = this.records.get(id)?.state;
    return state === 'out' || state === 'tried';
  }

  /** For people; undefined for a node that is not left out. */
  describe(id: string, now: number): string | undefined {
    const record = this.records.get(id);
    if (record?.state === 'tried') return 'was ejected, and one call tries it now';
    if (record?.state !== 'out' || record.until <= now) return undefined;
    return `for ${Math.ceil(record.until - now)} ms more, ${record.ejections} ${record.ejections === 1 ? 'time' : 'times'} in a row`;
  }

  /** Some node is on trial: picks must be told. */
  get hasTrials(): boolean {
    return this.trialCount > 0;
  }

  /** A node was picked. If it is on trial, that call decides, and nobody else is sent there before. */
  picked(id: string, now: number): void {
    const record = this.records.get(id);
    if (record?.state !== 'trial') return;
    // A call without a deadline may never tell; then another one tries.
    this.move(record, 'tried', now + this.limits.maxEjectionMs);
  }

  report(node: ServiceNode, outcome: CallOutcome, service: ReportedService, now: () => number): void {
    const record = this.records.get(node.id);
    if (record === undefined && outcome.error === undefined) return;
    // An older call than the ejection, or than the node is.
    if (record !== undefined && (record.state === 'out' || record.node !== node)) return;
    const verdict = this.verdict(outcome);
    if (verdict === 'failure') {
      if (service.node(node.id) === node) this.failed(record ?? this.start(node), outcome.error!, service.nodes.length, now());
    } else if (record === undefined) return;
    else if (verdict === 'success') this.succeeded(record, now());
    else if (record.state === 'tried') this.move(record, 'trial', Infinity);
  }

  /** Lets those whose time is over be tried. */
  expire(now: number): void {
    if (now < this.nextExpiry) return;
    for (const record of this.records.values()) {
      if ((record.state === 'out' || record.state === 'tried') && record.until <= now) record.state = 'trial';
    }
    this.recount();
  }

  /** Forgets nodes that left or changed. `nodes` keep their identity while they are the same. */
  keepOnly(nodes: ReadonlyMap<string, ServiceNode>): void {
    for (const [id, record] of this.records) if (nodes.get(id) !== record.node) this.records.delete(id);
    this.recount();
  }

  private verdict({ error, latencyMs }: CallOutcome): 'success' | 'failure' | 'neither' {
    // No time between pick and outcome: the node was only looked up, which proves nothing.
    if (error === undefined) return latencyMs > 0 ? 'success' : 'neither';
    const { code, reason, remote } = error;
    // With the link away it is not the node that fails.
    const speaksAgainst = this.limits.codes.has(code) && (remote || code === 'DEADLINE_EXCEEDED' || (code === 'UNAVAILABLE' && reason !== 'TRANSPORT_DOWN'));
    if (speaksAgainst) return 'failure';
    return remote ? 'success' : 'neither';
  }

  private start(node: ServiceNode): Record {
    const record: Record = { node, state: 'in', failures: 0, successes: 0, ejections: 0, until: Infinity };
    this.records.set(node.id, record);
    return record;
  }

  private failed(record: Record, error: OutcomeError, nodes: number, now: number): void {
    const { consecutiveFailures, baseEjectionMs, maxEjectionMs, maxEjectionPercent } = this.limits;
    record.failures++;
    const isOnProbation = record.ejections > 0 && record.successes < consecutiveFailures;
    if (record.failures < consecutiveFailures && !isOnProbation) return;
    const room = Math.max(1, Math.floor((nodes * maxEjectionPercent) / 100));
    if (record.state !== 'tried' && this.outCount >= room) return;
    record.ejections++;
    record.failures = record.successes = 0;
    const forMs = Math.min(maxEjectionMs, baseEjectionMs * record.ejections);
    this.move(record, 'out', now + forMs);
    this.events.ejected(record.node, forMs, error);
  }

  private succeeded(record: Record, now: number): void {
    record.failures = 0;
    record.successes++;
    if (record.state !== 'in') {
      this.move(record, 'in', now + this.limits.maxEjectionMs);
      this.events.returned(record.node);
    } else if (record.ejections === 0 || now >= record.until) this.records.delete(record.node.id);
  }

  private move(record: Record, state: Record['state'], until: number): void {
    record.state = state;
    record.until = until;
    this.recount();
  }

  private recount(): void {
    this.outCount = this.trialCount = 0;
    this.nextExpiry = Infinity;
    for (const { state, until } of this.records.values()) {
      if (state === 'trial') this.trialCount++;
      if (state !== 'out' && state !== 'tried') continue;
      this.outCount++;
      this.nextExpiry = Math.min(this.nextExpiry, until);
    }
    this.epoch++;
  }
}
