import { atLeast, type Bar, type Case } from './case.js';
import { callTable } from './call-table.js';
import { type Entrant, measure, type Samples } from './measure.js';
import { ratio } from './statistics.js';

const OURS = 'anthill-grpc';
const SERVER = 'anthill-grpc-server';
const RAW = 'raw-grpc';
const NEST = 'nest-grpc';

const entrants: readonly Entrant[] = [
  { peer: OURS, title: 'Anthill gRPC, server and client', remote: true, ours: true },
  { peer: SERVER, title: 'Anthill gRPC server, bare client', remote: true, ours: true },
  { peer: RAW, title: '@grpc/grpc-js', remote: true },
  { peer: NEST, title: 'Nest microservice, gRPC, same deadline', remote: true },
];

/** Unary gRPC calls of 20 bytes, a caller and a callee process; all messages by the same proto loader. */
export function grpcCases(timing: { readonly warmUpMs: number; readonly measureMs: number }): Case[] {
  return [1, 64, 256].map(
    (inFlight): Case => ({
      name: `grpc-20b-${inFlight}`,
      async run(bench) {
        const samples = await measure(bench, entrants, { inFlight, payload: 20, ...timing });
        const work = `unary gRPC call, 20 B, ${inFlight} in flight`;
        return { title: work, table: callTable(entrants, samples, OURS), bars: bars(work, samples), note: 'No server stands between the two: that column is the idle nats-server of the run.' };
      },
    }),
  );
}

function bars(work: string, samples: Samples): Bar[] {
  const rate = (ours: string, theirs: string): number => ratio((samples.get(ours) ?? []).map((sample) => sample.rate), (samples.get(theirs) ?? []).map((sample) => sample.rate));
  return [
    atLeast(work, 0.95, '@grpc/grpc-js', rate(OURS, RAW)),
    atLeast(work, 1, 'Nest, gRPC', rate(OURS, NEST)),
    atLeast(`${work}, server alone`, 0.95, '@grpc/grpc-js', rate(SERVER, RAW)),
  ];
}
