import { rpcError } from '../common/error-catalog.js';
import type { Discovery, ServiceSnapshot } from '../registry/registry.js';
import { registryUnavailable, serviceNotFound } from './pick-errors.js';
import type { UnknownServices } from './unknown-services.js';

const LONGEST_NAME = 256;

/** Counters that a look-up moves. */
export interface LookupCount {
  lookups: number;
  missesRecalled: number;
}

/** Questions to the registry for services that are not in use yet. */
export class ServiceLookup {
  constructor(
    private readonly discovery: Discovery,
    private readonly unknown: UnknownServices,
    private readonly closing: AbortSignal,
    private readonly count: LookupCount,
  ) {}

  /** No question for a name that cannot be, or was nobody's a moment ago. @throws RpcError */
  check(type: string): void {
    this.checkName(type);
    const miss = this.unknown.recall(type);
    if (miss === undefined) return;
    this.count.missesRecalled++;
    throw miss;
  }

  /** A snapshot with nodes. Remembers names that are nobody's. @throws RpcError */
  async ask(type: string): Promise<ServiceSnapshot> {
    const { closing, unknown } = this;
    let asked = false;
    try {
      if ((asked = unknown.withinAllowance()) || (await unknown.names()).has(type)) {
        this.count.lookups++;
        const snapshot = await this.discovery.get(type, closing);
        closing.throwIfAborted();
        if (snapshot.nodes.length > 0) return snapshot;
      }
    } catch (cause) {
      if (closing.aborted) throw rpcError('APP_STOPPED', 'the app was stopped while a service was looked up');
      throw unknown.remember(type, registryUnavailable(type, cause));
    }
    // In a flood of strangers' names nobody reads the hint, and it would cost a look at each service name.
    const names = asked ? await unknown.names().catch(() => []) : [];
    throw unknown.remember(type, serviceNotFound(type, names));
  }

  /** The same without a trace: nothing is counted or remembered. @throws RpcError */
  async glance(type: string): Promise<ServiceSnapshot> {
    this.checkName(type);
    let snapshot: ServiceSnapshot;
    try {
      snapshot = await this.discovery.get(type, this.closing);
    } catch (cause) {
      throw registryUnavailable(type, cause);
    }
    if (snapshot.nodes.length > 0) return snapshot;
    throw serviceNotFound(type, await this.unknown.names().catch(() => []));
  }

  private checkName(type: string): void {
    if (this.closing.aborted) throw rpcError('APP_STOPPED', 'the app is stopped; it looks up no more services');
    if (type === '' || type.length > LONGEST_NAME) throw serviceNotFound(type, []);
  }
}
