import { callTable } from './call-table.js';
import { atLeast, type Case } from './case.js';
import { type Entrant, measure } from './measure.js';
import { ratio } from './statistics.js';

const OURS = 'http-anthill';
const FASTIFY = 'http-fastify';
const MOLECULER = 'http-moleculer';

const entrants: readonly Entrant[] = [
  { peer: OURS, title: 'Anthill HTTP gateway', remote: true, ours: true },
  { peer: FASTIFY, title: 'bare Fastify, the same call', remote: true },
  { peer: MOLECULER, title: 'Moleculer, moleculer-web', remote: true },
];

/** POSTs of 20 bytes over kept connections, a client and a server process; the service is in the server's. */
export function httpCase(timing: { readonly warmUpMs: number; readonly measureMs: number }): Case {
  return {
    name: 'http-20b-64',
    async run(bench) {
      const samples = await measure(bench, entrants, { inFlight: 64, payload: 20, ...timing });
      const rates = (peer: string): number[] => (samples.get(peer) ?? []).map((sample) => sample.rate);
      const work = 'HTTP request through the gateway, 20 B, 64 in flight';
      return {
        title: work,
        table: callTable(entrants, samples, OURS),
        bars: [atLeast(work, 0.95, 'bare Fastify', ratio(rates(OURS), rates(FASTIFY))), atLeast(work, 1.1, 'moleculer-web', ratio(rates(OURS), rates(MOLECULER)))],
        note: 'The client is one process of Node and takes most of the time. No server stands between the two: that column is the idle nats-server of the run.',
      };
    },
  };
}
