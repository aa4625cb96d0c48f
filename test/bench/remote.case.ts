import { atLeast, atMost, type Bar, type Case } from './case.js';
import { callTable } from './call-table.js';
import { type Entrant, measure, type Sample, type Samples } from './measure.js';
import { ratio } from './statistics.js';

const OURS = 'anthill-nats';
const MQANT = 'anthill-mqant';
const RAW = 'raw-nats';
const NEST = 'nest-nats';
const MOLECULER = 'moleculer-nats';

const entrants: readonly Entrant[] = [
  { peer: OURS, title: 'Anthill, native wire, NATS', remote: true, ours: true },
  { peer: MQANT, title: 'Anthill, mqant wire, NATS', remote: true, ours: true },
  { peer: RAW, title: 'nats.js request/reply', remote: true },
  { peer: NEST, title: 'Nest microservice, NATS', remote: true },
  { peer: MOLECULER, title: 'Moleculer, NATS', remote: true },
  { peer: 'nest-tcp', title: 'Nest microservice, TCP, no server', remote: true },
];

const PAYLOADS = [20, 1000, 64_000];
const IN_FLIGHT = [1, 64, 256];

/** Remote calls over one nats-server, a caller and a callee process: every payload with every number in flight. */
export function remoteCases(timing: { readonly warmUpMs: number; readonly measureMs: number }): Case[] {
  return PAYLOADS.flatMap((payload) =>
    IN_FLIGHT.map((inFlight): Case => ({
      name: `remote-${sizeName(payload).replace(' ', '').toLowerCase()}-${inFlight}`,
      async run(bench) {
        const samples = await measure(bench, entrants, { inFlight, payload, ...timing });
        const work = `remote call over NATS, ${sizeName(payload)}, ${inFlight} in flight`;
        return { title: work, table: callTable(entrants, samples, OURS), bars: bars(work, samples, inFlight, payload) };
      },
    })),
  );
}

function sizeName(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${bytes / 1000} kB`;
}

/** DESIGN section 8; the bars are about 20 bytes, and other sizes are never below raw. At one in flight raw is met in latency, at any size. */
function bars(work: string, samples: Samples, inFlight: number, payload: number): Bar[] {
  // Of a peer that failed there is nothing: its ratio is NaN, and a bar on it is not reached.
  const of = (peer: string, field: keyof Sample): number[] => (samples.get(peer) ?? []).map((sample) => sample[field]!);
  const rate = (ours: string, theirs: string): number => ratio(of(ours, 'rate'), of(theirs, 'rate'));
  if (inFlight === 1) return [atMost(`latency (p50) of a ${work}`, 1.15, 'nats.js request/reply', ratio(of(OURS, 'p50'), of(RAW, 'p50')))];
  if (payload !== 20) return [atLeast(work, 1, 'nats.js request/reply', rate(OURS, RAW))];
  return [
    atLeast(work, 8, 'nats.js request/reply', rate(OURS, RAW)),
    atLeast(work, 8, 'Nest, NATS', rate(OURS, NEST)),
    atLeast(work, 4, 'Moleculer, NATS', rate(OURS, MOLECULER)),
    ...(inFlight === 64 ? [atLeast(`${work}, mqant wire`, 0.9, 'nats.js request/reply', rate(MQANT, RAW))] : []),
  ];
}
