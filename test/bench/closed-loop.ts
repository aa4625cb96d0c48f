import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { Histogram } from './histogram.js';
import type { Load, Measured } from './peer.js';

/**
 * Keeps `inFlight` calls under way: each reply sets off the next call, so that the system is never asked for more than it gives. Counts what
 * ends within the measured time, and stops by itself. A call that fails ends the run with its error.
 */
export async function closedLoop(call: () => Promise<unknown>, load: Load, onMeasuring: () => void): Promise<Measured> {
  const histogram = new Histogram();
  const from = performance.now() + load.warmUpMs;
  const to = from + load.measureMs;
  const { breatheEvery = Infinity } = load;
  let measuring = false;
  const keepCalling = async (): Promise<void> => {
    let at = performance.now();
    let breath = breatheEvery;
    while (at < to) {
      await call();
      const now = performance.now();
      if (now >= from && now < to) {
        if (!measuring) {
          measuring = true;
          onMeasuring();
        }
        histogram.record((now - at) * 1000);
      }
      at = now;
      if (--breath > 0) continue;
      breath = breatheEvery;
      await turn();
      at = performance.now();
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, keepCalling));
  return { calls: histogram.count, seconds: load.measureMs / 1000, p50: histogram.quantile(0.5), p99: histogram.quantile(0.99) };
}
