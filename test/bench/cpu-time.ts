import { readFileSync } from 'node:fs';

/** Linux counts in ticks of 10 ms (USER_HZ, the same on every architecture). */
const TICK_SECONDS = 0.01;

/** CPU seconds that a process has used so far, all threads; undefined where there is no /proc. */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
  } catch {
    return undefined;
  }
}
