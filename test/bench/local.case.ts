import { atLeast, type Case } from './case.js';
import { callTable } from './call-table.js';
import { type Entrant, measure, typical } from './measure.js';
import { ratio } from './statistics.js';

const OURS = 'anthill-local';
const MOLECULER = 'moleculer-local';
const LEAST_RATE = 500_000;

const entrants: readonly Entrant[] = [
  { peer: OURS, title: 'Anthill', remote: false, ours: true },
  { peer: MOLECULER, title: 'Moleculer', remote: false },
];

/** Calls to a handler of the same process; awaited one by one, and many at a time. */
export function localCases(timing: { readonly warmUpMs: number; readonly measureMs: number }): Case[] {
  return [1, 64].map((inFlight): Case => ({
    name: `local-${inFlight}`,
    async run(bench) {
      const samples = await measure(bench, entrants, { inFlight, payload: 20, breatheEvery: 1000, ...timing });
      const rates = (peer: string): number[] => samples.get(peer)!.map(({ rate }) => rate);
      const { rate } = typical(samples.get(OURS)!);
      const work = `call to a handler in the same process, 20 B, ${inFlight} in flight`;
      return {
        title: work,
        table: callTable(entrants, samples, OURS),
        bars: [
          { work, bar: '≥ 500 k/s', measured: `${Math.round(rate / 1000)} k/s`, reached: rate >= LEAST_RATE },
          atLeast(work, 1, 'Moleculer', ratio(rates(OURS), rates(MOLECULER))),
        ],
      };
    },
  }));
}
