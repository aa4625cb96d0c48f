import type { Table } from './case.js';
import { type Entrant, type Samples, typical } from './measure.js';
import { ratio } from './statistics.js';

/** One row for each peer: medians over rounds, and how many times our calls per second are of its. */
export function callTable(entrants: readonly Entrant[], samples: Samples, ours: string): Table {
  const remote = entrants.some((entrant) => entrant.remote);
  const head = ['', 'calls/s', 'p50 µs', 'p99 µs', 'ours / this', ...(remote ? ['CPU µs a call: caller', 'callee', 'server'] : ['CPU µs a call'])];
  const rates = (peer: string): number[] => samples.get(peer)!.map((sample) => sample.rate);
  const rows = entrants.map(({ peer, title }) => {
    const measured = samples.get(peer);
    if (measured === undefined) return [title, 'fails', ...head.slice(2).map(() => '–')];
    const { rate, p50, p99, callerCpu, calleeCpu, serverCpu } = typical(measured);
    const cpu = remote ? [callerCpu, calleeCpu, serverCpu] : [callerCpu];
    return [
      title,
      Math.round(rate).toLocaleString('en'),
      micros(p50),
      micros(p99),
      peer === ours ? '' : `${ratio(rates(ours), rates(peer)).toFixed(2)}x`,
      ...cpu.map((value) => (value === undefined ? '–' : micros(value))),
    ];
  });
  return { head, rows };
}

function micros(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}
