import { setTimeout as sleep } from 'node:timers/promises';
import { InjectSettings, type OnRun, roundRobin, RpcModule } from 'anthill';
import { GrpcClient, InjectGrpcClient } from 'anthill/grpc';
import { AddService } from './add.service.js';
import { tally } from './tally.js';

@RpcModule({ type: 'adder' })
export class Adder implements OnRun {
  constructor(
    // registry:///add, because that is the type of AddService. Without any server it waits for one; an addition may be done twice, so that a server that dies costs no call.
    @InjectGrpcClient(AddService, { selector: roundRobin(), waitForReady: true, idempotent: true, timeoutMs: 5000 }) private readonly service: GrpcClient<AddService>,
    @InjectSettings() private readonly settings: { Calls?: number; PauseMs?: number },
  ) {}

  /** Adds, and tells who did it, until the app stops. */
  async run(signal: AbortSignal): Promise<void> {
    const { Calls = 300, PauseMs = 2000 } = this.settings;
    while (Calls > 0 && !signal.aborted) {
      await this.round(Calls);
      await sleep(PauseMs, undefined, { signal }).catch(() => {});
    }
  }

  async round(calls: number): Promise<void> {
    const from = performance.now();
    const results = await Promise.allSettled(Array.from({ length: calls }, (_, i) => this.service.add({ a: '9007199254740993', b: String(i) })));
    const failed = results.filter(({ status }) => status === 'rejected');
    console.log(`${calls} calls in ${Math.round(performance.now() - from)} ms, ${failed.length} failed: ${tally.take()}`);
    for (const { reason } of failed.slice(0, 3) as PromiseRejectedResult[]) console.log(`  ${(reason as Error).message}`);
  }
}
