import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Case } from './case.js';
import type { HeapReport, SoakJob } from './soak.worker.js';
import { slope } from './statistics.js';

const WORKER = fileURLToPath(new URL('./soak.worker.js', import.meta.url));
/** Bytes for each call; less is the noise of the collector, and a leak of one object would be 30 or more. */
const FLAT = 0.5;
/** Caches and compiled code settle in the first part. */
const SETTLED = 0.2;

/** A long run of remote calls over the native wire; the heaps of both processes after a collection, at equal steps. */
export function soakCase(calls: number): Case {
  const every = calls / 10;
  return {
    name: 'soak',
    async run({ site, log }) {
      const job = { peer: 'anthill-nats', site, calls, every, inFlight: 64 };
      const callee = start({ ...job, role: 'callee' });
      const children = [callee];
      try {
        await heard(callee);
        const caller = start({ ...job, role: 'caller' });
        children.push(caller);
        const steps: { at: number; caller: number; callee: number }[] = [];
        while (steps.length <= calls / every) {
          const { calls: at, bytes } = await heard(caller);
          callee.send('heap');
          steps.push({ at, caller: bytes, callee: (await heard(callee)).bytes });
          log(`  ${at.toLocaleString('en').padStart(9)} calls  caller ${megabytes(bytes)}  callee ${megabytes(steps.at(-1)!.callee)}`);
          if (at < calls) caller.send('go on');
        }
        const settled = steps.filter(({ at }) => at >= calls * SETTLED);
        const growth = (who: 'caller' | 'callee'): number => slope(settled.map(({ at }) => at), settled.map((step) => step[who]));
        return {
          title: `soak of ${calls.toLocaleString('en')} calls, heap after collection`,
          table: {
            head: ['calls', 'caller', 'callee'],
            rows: steps.map((step) => [step.at.toLocaleString('en'), megabytes(step.caller), megabytes(step.callee)]),
          },
          bars: (['caller', 'callee'] as const).map((who) => ({
            work: `${calls.toLocaleString('en')} calls soak, ${who}`,
            bar: `heap flat (≤ ${FLAT} B a call)`,
            measured: `${growth(who).toFixed(3)} B a call`,
            reached: growth(who) <= FLAT,
          })),
          note: `Growth is the slope of the line through all steps but the first ${SETTLED * 100} %.`,
        };
      } finally {
        for (const child of children) {
          child.disconnect();
          if (child.exitCode === null) await once(child, 'exit');
        }
      }
    },
  };
}

function start(job: SoakJob): ChildProcess {
  return fork(WORKER, [JSON.stringify(job)], { execArgv: ['--expose-gc'] });
}

async function heard(child: ChildProcess): Promise<HeapReport> {
  const ended = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', { signal: ended.signal }).then(([report]) => report as HeapReport),
      once(child, 'exit', { signal: ended.signal }).then(() => Promise.reject(new Error('a process of the soak ended early'))),
    ]);
  } finally {
    ended.abort();
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
