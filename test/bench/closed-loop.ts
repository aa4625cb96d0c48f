import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { Histogram } from './histogram.js';
import type { Load, Measured } from './peer.js';

/** At one call at a time the compiler would still be at work when the counting begins, the longer the more code a library has. */
export const WARM_UP_IN_FLIGHT = 64;

/**
 * Keeps `inFlight` calls under way: each reply sets off the next call, so that the system is never asked for more than it gives. Counts what
 * ends within the measured time, and stops by itself. A call that fails ends the run with its error.
 */
export async function closedLoop(call: () => Promise<unknown>, load: Load, onMeasuring: () => void): Promise<Measured> {
  const { inFlight, warmUpMs, measureMs, breatheEvery = Infinity } = load;
  await keepUp(call, Math.max(inFlight, WARM_UP_IN_FLIGHT), warmUpMs, breatheEvery);
  onMeasuring();
  const latencies = await keepUp(call, inFlight, measureMs, breatheEvery);
  return { calls: latencies.count, seconds: measureMs / 1000, p50: latencies.quantile(0.5), p99: latencies.quantile(0.99) };
}

async function keepUp(call: () => Promise<unknown>, inFlight: number, durationMs: number, breatheEvery: number): Promise<Histogram> {
  const latencies = new Histogram();
  const end = performance.now() + durationMs;
  const keepCalling = async (): Promise<void> => {
    let at = performance.now();
    let breath = breatheEvery;
    while (at < end) {
      await call();
      const now = performance.now();
      if (now < end) latencies.record((now - at) * 1000);
      at = now;
      if (--breath > 0) continue;
      breath = breatheEvery;
      await turn();
      at = performance.now();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, keepCalling));
  return latencies;
}
