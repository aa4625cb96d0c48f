/**
 * One process of a measurement: loads a single peer, plays one of its roles, and ends when the process that started it says so or is gone.
 */
import { closedLoop } from './closed-loop.js';
import { heapInUse } from './heap.js';
import type { Callee, Caller, Peer, WorkerJob, WorkerMessage } from './peer.js';

function tell(message: WorkerMessage): void {
  process.send!(message);
}

async function play(job: WorkerJob): Promise<Callee | Caller> {
  const { peer } = (await import(`./peers/${job.peer}.js`)) as { peer: Peer };
  if (job.role !== 'caller') {
    const callee = await peer[job.role]!(job.site);
    tell({ kind: 'ready', ...(callee.handOver !== undefined && { handOver: callee.handOver }), ...(callee.pid !== undefined && { pid: callee.pid }) });
    return callee;
  }
  const text = 'x'.repeat(job.load.payload);
  const caller = await peer.caller(job.site, text, job.handOver, job.load);
  const onMeasuring = (): void => tell({ kind: 'measuring' });
  if ('drive' in caller) {
    tell({ kind: 'measured', measured: await caller.drive(job.load, onMeasuring) });
    return caller;
  }
  if (caller.read(await caller.call()) !== text) throw new Error(`${job.peer} did not give back what it got`);
  tell({ kind: 'measured', measured: await closedLoop(() => caller.call(), job.load, onMeasuring) });
  return caller;
}

const gone = new Promise<void>((resolve) => {
  process.once('disconnect', resolve).on('message', (message) => {
    if (message === 'heap') void heapInUse().then((bytes) => tell({ kind: 'heap', bytes }));
    else resolve();
  });
});
let ending: Callee | Caller | undefined;
try {
  ending = await play(JSON.parse(process.argv[2]!) as WorkerJob);
} catch (error) {
  tell({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
await gone;
// A library that does not close must not keep a process of a benchmark.
setTimeout(() => process.exit(1), 5000).unref();
await ending?.close();
if (process.connected) process.disconnect();
process.exit();
