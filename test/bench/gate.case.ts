import { atLeast, type Case, type Table } from './case.js';
import { type Entrant, measure, type Sample, type Samples, typical } from './measure.js';
import type { Load } from './peer.js';
import { ratio } from './statistics.js';

const OURS = 'gate-anthill';
const AEDES = 'gate-aedes';
const ANTHILL_NATS = 'gate-anthill-nats';
const AEDES_NATS = 'gate-aedes-nats';
const PAIRS = 8;
const WINDOW = 32;
const CLIENTS = 5000;
const MOST_ROUNDS = 3;
const MOST_MEASURE_MS = 1200;
const NOT_NODE = 'Mosquitto is written in C.';
/** From here on a client has no time to send more. */
const ALL_OF_A_CORE = 0.9;

const brokers: readonly Entrant[] = [
  { peer: OURS, title: 'Anthill gate', remote: true, ours: true },
  { peer: AEDES, title: 'aedes', remote: true },
  { peer: 'gate-mosquitto', title: 'Mosquitto', remote: true },
];

/** The gate against bare brokers, and against what a team would write by hand: all through the same raw client in a process of its own. */
export function gateCases(timing: { readonly warmUpMs: number; readonly measureMs: number }): Case[] {
  const times = { warmUpMs: timing.warmUpMs, measureMs: Math.min(timing.measureMs, MOST_MEASURE_MS) };
  return [flowCase(0, times), flowCase(1, times), ...[1, 64, 256].flatMap((inFlight) => [requestCase(inFlight, false, times), requestCase(inFlight, true, times)]), fanOutCase(times)];
}

/** Client to client: publishers and subscribers one to one. */
function flowCase(qos: 0 | 1, times: Pick<Load, 'warmUpMs' | 'measureMs'>): Case {
  return {
    name: `gate-messages-qos${qos}`,
    async run(bench) {
      const load = { inFlight: PAIRS * WINDOW, payload: 20, flow: { pairs: PAIRS, qos, window: WINDOW }, ...times };
      const samples = await measure(bench, brokers, load, Math.min(bench.rounds, MOST_ROUNDS));
      const work = `messages from client to client through the gate, QoS ${qos}, 20 B`;
      return {
        title: work,
        table: gateTable('message', brokers, samples, OURS),
        bars: [atLeast(work, 1, 'aedes', rates(samples, OURS, AEDES))],
        note: `${PAIRS} publishers with a subscriber each, ${WINDOW} messages of each under way. ${busy(brokers, samples)} ${NOT_NODE}`,
      };
    },
  };
}

/** Client, gate, service and back. */
function requestCase(inFlight: number, isRemote: boolean, times: Pick<Load, 'warmUpMs' | 'measureMs'>): Case {
  const [ours, hand] = isRemote ? [ANTHILL_NATS, AEDES_NATS] : [OURS, AEDES];
  const entrants: readonly Entrant[] = [
    { peer: ours, title: 'Anthill gate', remote: true, backend: isRemote, ours: true },
    { peer: hand, title: isRemote ? 'aedes and nats.js, by hand' : 'aedes, by hand', remote: true, backend: isRemote },
  ];
  return {
    name: `gate-request-${isRemote ? 'nats' : 'local'}-${inFlight}`,
    async run(bench) {
      // The code behind a request is much, and is compiled while it runs.
      const load = { inFlight, payload: 20, measureMs: times.measureMs, warmUpMs: times.warmUpMs * 1.5 };
      const samples = await measure(bench, entrants, load, Math.min(bench.rounds, MOST_ROUNDS));
      const work = `request of a client to a service ${isRemote ? 'in another process, over NATS' : "in the gate's process"}, ${inFlight} in flight`;
      return {
        title: work,
        table: gateTable('request', entrants, samples, ours),
        bars: [atLeast(work, leastOf(inFlight, isRemote), isRemote ? 'aedes and nats.js' : 'aedes', rates(samples, ours, hand))],
        note: `JSON of 20 B both ways, one request for each connection. By hand: a listener of aedes that reads the JSON, ${isRemote ? 'asks over NATS with a timeout' : 'answers'} and publishes to the client; no sessions, no order, no deadline, no limits${isRemote ? '' : ', no service'}. ${busy(entrants, samples)}`,
      };
    },
  };
}

/** What is written by hand has nothing in between: that shows where no time is spent on messages to another process, or none of them can be shared. */
function leastOf(inFlight: number, isRemote: boolean): number {
  return isRemote && inFlight > 1 ? 1 : 0.7;
}

/** One message to thousands of clients. */
function fanOutCase(times: Pick<Load, 'warmUpMs' | 'measureMs'>): Case {
  const entrants: readonly Entrant[] = [
    { ...brokers[0]!, title: 'Anthill gate, publish to a topic' },
    { peer: 'gate-anthill-group', title: 'Anthill gate, push to a group', remote: true, ours: true },
    ...brokers.slice(1),
  ];
  return {
    name: 'gate-fan-out',
    async run(bench) {
      const samples = await measure(bench, entrants, { inFlight: 1, payload: 20, fanOut: { clients: CLIENTS }, ...times }, Math.min(bench.rounds, MOST_ROUNDS));
      const work = `one message to ${CLIENTS.toLocaleString('en')} clients, until the last one has it`;
      return {
        title: work,
        table: gateTable('fan-out', entrants, samples, OURS),
        bars: [atLeast(work, 1, 'aedes', rates(samples, OURS, AEDES)), atLeast(`${work}, a push to a group`, 1, 'aedes', rates(samples, 'gate-anthill-group', AEDES))],
        note: `20 B over TCP, QoS 0, one after the other. ${busy(entrants, samples)} ${NOT_NODE}`,
      };
    },
  };
}

function rates(samples: Samples, ours: string, theirs: string): number {
  return ratio((samples.get(ours) ?? []).map((sample) => sample.rate), (samples.get(theirs) ?? []).map((sample) => sample.rate));
}

function gateTable(unit: string, entrants: readonly Entrant[], samples: Samples, ours: string): Table {
  const hasBackend = entrants.some(({ backend }) => backend);
  const head = ['', `${unit}s/s`, 'p50 ms', 'p99 ms', 'ours / this', `CPU µs a ${unit}: server`, ...(hasBackend ? ['service'] : []), 'server busy', 'client busy'];
  const rows = entrants.map((entrant) => {
    const measured = samples.get(entrant.peer);
    if (measured === undefined || measured.length === 0) return [entrant.title, 'fails', ...head.slice(2).map(() => '–')];
    const { rate, p50, p99, callerCpu, calleeCpu, backendCpu } = typical(measured);
    return [
      entrant.title,
      rate < 1000 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en'),
      (p50 / 1000).toFixed(2),
      (p99 / 1000).toFixed(2),
      entrant.ours ? '' : `${rates(samples, ours, entrant.peer).toFixed(2)}x`,
      micros(calleeCpu),
      ...(hasBackend ? [micros(backendCpu)] : []),
      share(calleeCpu, rate),
      share(callerCpu, rate),
    ];
  });
  return { head, rows };
}

/** What the columns of that name mean, and whether the client was the one that could not do more. */
function busy(entrants: readonly Entrant[], samples: Samples): string {
  const limited = entrants.filter(({ peer }) => {
    const measured = samples.get(peer);
    if (measured === undefined) return false;
    const { callerCpu, rate } = typical(measured);
    return (callerCpu ?? 0) * rate > ALL_OF_A_CORE * 1e6;
  });
  const who = limited.length === 0 ? 'the client was never the one that could not do more' : `the client could not do more for ${limited.map(({ title }) => title).join(', ')}`;
  return `Busy is of one core; ${who}.`;
}

function micros(value: Sample['calleeCpu']): string {
  if (value === undefined) return '–';
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

function share(cpu: Sample['calleeCpu'], rate: number): string {
  return cpu === undefined ? '–' : `${((cpu * rate) / 1e4).toFixed(0)} %`;
}
