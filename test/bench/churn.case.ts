import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Case } from './case.js';
import type { ChurnFigures, ChurnJob } from './churn.worker.js';

const WORKER = fileURLToPath(new URL('./churn.worker.js', import.meta.url));
const NODES = 5000;
const PER_SECOND = 100;
/** Adding 5,000 services to Consul takes a while. */
const LONGEST_MS = 180_000;

/** What it costs a process to watch a large service that changes all the time. */
export function churnCase(seconds: number): Case {
  const load = { nodes: NODES, perSecond: PER_SECOND, seconds };
  return {
    name: 'churn',
    async run({ site, log }) {
      const inMemory = await heard<ChurnFigures>(start({ ...load, role: 'both' }));
      log(`  memory: ${percent(inMemory.cpu)} of a core`);
      const overConsul = await withConsul({ ...load, consul: site.consul });
      log(`  Consul: ${percent(overConsul.cpu)} of a core`);
      const row = (title: string, { cpu, snapshotsPerSecond, delayMs, heapBeforeMb, heapMb, changesSeen }: ChurnFigures): string[] => [
        title,
        percent(cpu),
        snapshotsPerSecond.toFixed(0),
        `${delayMs.median.toFixed(0)} ms, ${delayMs.worst.toFixed(0)} ms`,
        `${(heapMb - heapBeforeMb).toFixed(1)} MB`,
        `${changesSeen.toLocaleString('en')} of ${(PER_SECOND * seconds).toLocaleString('en')}`,
      ];
      return {
        title: `watching ${NODES.toLocaleString('en')} nodes with ${PER_SECOND} changes a second`,
        table: {
          head: ['registry', 'CPU, of one core', 'snapshots a second', 'change seen after, median and worst', 'heap that stays', 'changes seen'],
          rows: [row('memory, in the same process', inMemory), row('Consul', overConsul)],
        },
        bars: [],
        note: `For ${seconds} s, with 500 picks a second. In memory the CPU of the changes themselves (${percent(inMemory.changesCpu!)}) is taken off. Changes of one node between two snapshots are seen as one.`,
      };
    },
  };
}

async function withConsul(load: Omit<ChurnJob, 'role'>): Promise<ChurnFigures> {
  const changer = start({ ...load, role: 'changer', seconds: load.seconds + 5 });
  try {
    await heard(changer);
    const watcher = start({ ...load, role: 'watcher' });
    await heard(watcher);
    return await heard<ChurnFigures>(watcher);
  } finally {
    if (changer.exitCode === null) {
      // Consul goes next, and a change under way would be an error then.
      const gone = once(changer, 'exit');
      changer.kill('SIGKILL');
      await gone;
    }
  }
}

function start(job: ChurnJob): ChildProcess {
  return fork(WORKER, [JSON.stringify(job)], { execArgv: ['--expose-gc'] });
}

async function heard<T>(child: ChildProcess): Promise<T> {
  const signal = AbortSignal.timeout(LONGEST_MS);
  return Promise.race([
    once(child, 'message', { signal }).then(([message]) => message as T),
    once(child, 'exit', { signal }).then(() => Promise.reject(new Error('a process of the churn ended early'))),
  ]);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
