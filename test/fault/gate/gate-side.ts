import { subscribe } from 'node:diagnostics_channel';
import type { Type } from '@nestjs/common';
import type { CountEvent } from '../../../lib/common/events.js';
import { GateModule, GatePart, type GateOptions, redisGateStore } from '../../../lib/gateway/gate/index.js';
import { type RpcApplication, RpcError, RpcModule } from '../../../lib/index.js';
import type { WorkerPlan } from '../protocol.js';
import { stamp } from '../protocol.js';
import type { GatePlan, GateReport, PushPlan, PushRecord } from './gate-protocol.js';
import { Hall, hallModule } from './hall.js';

const TICK_MS = 2;

/** What a worker has to do with gates: one of its own, or the hall behind them. */
export class GateSide {
  readonly modules: readonly Type[];
  private readonly counts: Record<string, number> = {};
  private pushing: Pushing | undefined;

  constructor(plan: WorkerPlan) {
    const { gate, nodeId, services } = plan;
    this.modules = [...(gate ? [gateModule(gate, nodeId)] : []), ...(services.includes('hall') ? [hallModule(nodeId)] : [])];
    subscribe('anthill:count', (event) => {
      const { name, detail } = event as CountEvent;
      const key = detail === undefined ? name : `${name} ${detail}`;
      if (name.startsWith('gate.')) this.counts[key] = (this.counts[key] ?? 0) + 1;
    });
  }

  report(app: RpcApplication): GateReport {
    return { clients: app.get(GatePart).clients, counts: { ...this.counts } };
  }

  push(app: RpcApplication, plan: PushPlan): null {
    this.pushing = new Pushing(app.get(Hall), plan);
    return null;
  }

  async pushed(): Promise<readonly PushRecord[]> {
    return this.pushing!.end();
  }
}

function gateModule({ tcp, websocket, redis, keepMs, onDuplicate, limits }: GatePlan, id: string | undefined): Type {
  const host = '127.0.0.1';
  const options: GateOptions = {
    tcp: { host, port: tcp },
    ...(websocket !== undefined && { websocket: { host, port: websocket } }),
    ...(redis !== undefined && { store: redisGateStore({ connection: { host, port: redis } }) }),
    ...(keepMs !== undefined && { keepMs }),
    ...(onDuplicate && { onDuplicate }),
    ...(limits && { limits }),
    auth: ({ username }) => ({ userId: username ?? '' }),
  };
  @RpcModule({ type: 'Gate', version: '1.0.0', ...(id && { id }), imports: [GateModule.forRoot(options)] })
  class Gate {}
  return Gate;
}

/** Pushes by the clock, whatever becomes of them. */
class Pushing {
  private readonly startedAt = performance.now();
  private readonly inFlight = new Set<Promise<void>>();
  private readonly records: PushRecord[] = [];
  private readonly timer: NodeJS.Timeout;
  private issued = 0;

  constructor(
    private readonly hall: Hall,
    private readonly plan: PushPlan,
  ) {
    this.timer = setInterval(() => this.issue(), TICK_MS);
  }

  async end(): Promise<PushRecord[]> {
    clearInterval(this.timer);
    await Promise.all(this.inFlight);
    return this.records;
  }

  private issue(): void {
    const due = Math.floor(((performance.now() - this.startedAt) * this.plan.perSecond) / 1000);
    while (this.issued < due) {
      const user = this.plan.users[this.issued % this.plan.users.length]!;
      const work: Promise<void> = this.one(`${process.pid}-${this.issued++}`, user).finally(() => this.inFlight.delete(work));
      this.inFlight.add(work);
    }
  }

  private async one(n: string, user: string): Promise<void> {
    const at = stamp();
    try {
      const count = await this.hall.gates.pushToUser(user, 'inbox', { n }, { qos: 1 });
      this.records.push({ n, user, ms: stamp() - at, ...(count !== 1 && { error: `it went to ${count} sessions` }) });
    } catch (error) {
      this.records.push({ n, user, ms: stamp() - at, error: RpcError.is(error) ? `${error.code} ${error.reason}` : String(error) });
    }
  }
}
