/**
 * One process of the soak: a caller that makes a given number of calls and stops for a look at the heap every so often, or its callee.
 * Needs `--expose-gc`.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { EchoCaller, Peer, Site } from './peer.js';

/** On the command line, as JSON. */
export interface SoakJob {
  readonly role: 'callee' | 'caller';
  readonly peer: string;
  readonly site: Site;
  readonly inFlight: number;
  readonly calls: number;
  readonly every: number;
}

/** From a caller: so many calls are done, none is under way. From a callee: only the heap, on request. */
export interface HeapReport {
  readonly calls: number;
  readonly bytes: number;
}

/** Twice: what the first run finalizes, the second one frees. */
async function heap(): Promise<number> {
  globalThis.gc!();
  await turn();
  globalThis.gc!();
  return process.memoryUsage().heapUsed;
}

async function soak({ peer: name, role, site, calls, every, inFlight }: SoakJob): Promise<void> {
  const { peer } = (await import(`./peers/${name}.js`)) as { peer: Peer };
  if (role === 'callee') {
    await peer.callee!(site);
    process.on('message', () => void heap().then((bytes) => process.send!({ calls: 0, bytes })));
    process.send!({ calls: 0, bytes: await heap() });
    return;
  }
  const caller = (await peer.caller(site, 'x'.repeat(20), undefined, { inFlight, payload: 20, warmUpMs: 0, measureMs: 0 })) as EchoCaller;
  for (let done = 0; done <= calls; done += every) {
    process.send!({ calls: done, bytes: await heap() });
    // The other process looks at its heap while this one is idle.
    await new Promise((resolve) => process.once('message', resolve));
    let left = every;
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        while (left-- > 0) await caller.call();
      }),
    );
  }
}

process.once('disconnect', () => process.exit());
await soak(JSON.parse(process.argv[2]!) as SoakJob);
