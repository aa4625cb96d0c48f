import { RpcError, type Interceptor, type Rpc } from '../../lib/index.js';
import { stamp, type CallRecord, type LoadPlan } from './protocol.js';

/** Often enough that 500 calls per second come in ones and twos. */
const TICK_MS = 2;

/** The node that each call was sent to last, by what it was called with. */
const picked = new WeakMap<readonly unknown[], string>();

/** Notes where calls go. Client side. */
export const noteNodes: Interceptor = async (call, next) => {
  const { args } = call;
  try {
    return await next();
  } finally {
    if (call.node !== undefined) picked.set(args, call.node.id);
  }
};

/** One call, and its record. It never rejects. */
export async function recordCall(rpc: Rpc, target: string, path: string, args: readonly unknown[], timeoutMs?: number): Promise<{ record: CallRecord; value?: unknown }> {
  const own = [...args];
  const at = stamp();
  const record = (error?: unknown): CallRecord => ({ at, ms: stamp() - at, node: picked.get(own), path, ...(error !== undefined && { error: describe(error) }) });
  try {
    const value: unknown = await rpc.call(target, path, own, timeoutMs === undefined ? undefined : { timeoutMs });
    return { record: record(), value };
  } catch (error) {
    return { record: record(error ?? 'rejected with nothing') };
  }
}

function describe(error: unknown): NonNullable<CallRecord['error']> {
  if (RpcError.is(error)) return { code: error.code, reason: error.reason, message: error.message };
  return { code: 'NOT_AN_RPC_ERROR', reason: '', message: String(error) };
}

/** Calls by the clock, so many per second, whatever becomes of them. */
export class Load {
  private readonly startedAt = performance.now();
  private readonly inFlight = new Set<Promise<void>>();
  private readonly timer: NodeJS.Timeout;
  private issued = 0;
  private records: CallRecord[] = [];

  constructor(
    private readonly rpc: Rpc,
    private readonly plan: LoadPlan,
  ) {
    this.timer = setInterval(() => this.issue(), TICK_MS);
  }

  take(): CallRecord[] {
    return this.records.splice(0);
  }

  async end(): Promise<CallRecord[]> {
    clearInterval(this.timer);
    await Promise.all(this.inFlight);
    return this.take();
  }

  private issue(): void {
    const { target, perSecond, calls, timeoutMs } = this.plan;
    const due = Math.floor(((performance.now() - this.startedAt) * perSecond) / 1000);
    while (this.issued < due) {
      const [path, ...args] = calls[this.issued++ % calls.length]!;
      const work: Promise<void> = recordCall(this.rpc, target, path, args, timeoutMs).then(({ record }) => {
        this.records.push(record);
        this.inFlight.delete(work);
      });
      this.inFlight.add(work);
    }
  }
}
