import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { atMost, type Bar, type Case } from './case.js';
import { Child } from './child.js';
import type { GatePorts } from './gate/callers.js';
import { connectPacket } from './gate/mqtt-bytes.js';
import { BenchClient, openMany } from './gate/mqtt-client.js';
import type { Bench } from './measure.js';
import { median, ratio } from './statistics.js';

const MOST_ROUNDS = 2;
/** Code is compiled and pools are filled by those that come and go first. */
const BEFORE = 500;
const STEPS = [2000, 5000];
const SETTLE_MS = 300;

/** Bytes for each connection, at each step. */
interface Footprint {
  readonly rss: readonly number[];
  readonly heap: readonly number[] | undefined;
}

const contenders = [
  { peer: 'gate-anthill', title: 'Anthill gate', network: 'tcp', isNode: true },
  { peer: 'gate-aedes', title: 'aedes', network: 'tcp', isNode: true },
  { peer: 'gate-mosquitto', title: 'Mosquitto', network: 'tcp', isNode: false },
  { peer: 'gate-anthill', title: 'Anthill gate, WebSocket', network: 'websocket', isNode: true },
  { peer: 'gate-aedes', title: 'aedes, WebSocket', network: 'websocket', isNode: true },
] as const;
type Contender = (typeof contenders)[number];

/** Memory of a server for each client that is connected and silent. */
export function gateIdleCase(rounds: number): Case {
  return {
    name: 'gate-idle',
    async run(bench) {
      const found = new Map<Contender, Footprint[]>(contenders.map((contender) => [contender, []]));
      for (let round = 0; round < Math.min(rounds, MOST_ROUNDS); round++) {
        for (const contender of round % 2 === 0 ? contenders : [...contenders].reverse()) await measured(bench, contender, found);
      }
      const of = (title: string, kind: 'rss' | 'heap', step: number): number[] => (found.get(contenders.find((contender) => contender.title === title)!) ?? []).map((footprint) => footprint[kind]?.[step] ?? NaN);
      const last = STEPS.length - 1;
      const bar = (ours: string, theirs: string, kind: 'rss' | 'heap'): Bar => atMost(`memory of an idle connection (${kind === 'rss' ? 'RSS' : 'heap'})${ours.includes('WebSocket') ? ', WebSocket' : ''}`, 1, 'aedes', ratio(of(ours, kind, last), of(theirs, kind, last)));
      return {
        title: 'memory of idle connections',
        table: {
          head: ['bytes a connection', ...STEPS.flatMap((count) => [`RSS at ${count.toLocaleString('en')}`, `heap at ${count.toLocaleString('en')}`]), 'ours / this, RSS', 'heap'],
          rows: contenders.map(({ title, network, peer }) => {
            const ours = contenders.find((contender) => contender.network === network)!.title;
            const cell = (kind: 'rss' | 'heap', step: number): string => bytes(median(of(title, kind, step)));
            const against = (kind: 'rss' | 'heap'): string => (peer === 'gate-anthill' ? '' : times(ratio(of(ours, kind, last), of(title, kind, last))));
            return [title, ...STEPS.flatMap((_, step) => [cell('rss', step), cell('heap', step)]), against('rss'), against('heap')];
          }),
        },
        bars: [bar('Anthill gate', 'aedes', 'rss'), bar('Anthill gate', 'aedes', 'heap'), bar('Anthill gate, WebSocket', 'aedes, WebSocket', 'rss'), bar('Anthill gate, WebSocket', 'aedes, WebSocket', 'heap')],
        note: `What the server has more than before its clients came, divided by them, after ${BEFORE} had come and gone. Heap is after collections, with buffers; RSS has what the allocators keep for later as well. Buffers of the system's sockets are in neither. Mosquitto is written in C.`,
      };
    },
  };
}

async function measured(bench: Bench, contender: Contender, found: Map<Contender, Footprint[]>): Promise<void> {
  const past = found.get(contender);
  if (past === undefined) return;
  try {
    const footprint = await footprintOf(bench, contender);
    past.push(footprint);
    bench.log(`  ${contender.title.padEnd(36)} RSS ${footprint.rss.map(bytes).join(', ')}  heap ${footprint.heap?.map(bytes).join(', ') ?? '–'}`);
  } catch (error) {
    if (contender.peer === 'gate-anthill') throw error;
    bench.log(`  ${contender.title.padEnd(36)} fails: ${(error as Error).message}`);
    found.delete(contender);
  }
}

async function footprintOf({ site }: Bench, { peer, network, isNode }: Contender): Promise<Footprint> {
  const server = new Child({ peer, role: 'callee', site, load: { inFlight: 0, payload: 0, warmUpMs: 0, measureMs: 0 } });
  const clients: { close(): void }[] = [];
  try {
    const { handOver, pid = server.pid } = await server.next('ready');
    const port = (handOver as GatePorts)[network]!;
    const grow = async (to: number): Promise<void> => {
      const from = clients.length;
      clients.push(...(await openMany(to - from, (index) => (network === 'tcp' ? BenchClient.open(port, `idle-${from + index}`) : openWebSocket(port, `idle-${from + index}`)))));
    };
    const look = async (): Promise<{ rss: number; heap: number }> => {
      await sleep(SETTLE_MS);
      const heap = isNode ? await server.heap() : NaN;
      return { rss: residentBytes(pid), heap };
    };
    await grow(BEFORE);
    for (const client of clients.splice(0)) client.close();
    const before = await look();
    const [rss, heap]: [number[], number[]] = [[], []];
    for (const count of STEPS) {
      await grow(count);
      const now = await look();
      rss.push((now.rss - before.rss) / count);
      heap.push((now.heap - before.heap) / count);
    }
    return { rss, heap: isNode ? heap : undefined };
  } finally {
    for (const client of clients) client.close();
    await server.stop();
  }
}

/** MQTT in WebSocket messages. */
async function openWebSocket(port: number, clientId: string): Promise<{ close(): void }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt', { perMessageDeflate: false });
  await once(socket, 'open');
  socket.on('error', () => {});
  const connack = await new Promise<Buffer>((resolve, reject) => {
    let answer = Buffer.alloc(0);
    // aedes sends a packet in several messages.
    socket.on('message', (part: Buffer) => {
      answer = Buffer.concat([answer, part]);
      if (answer.length >= 4) resolve(answer);
    });
    socket.on('close', () => reject(new Error('the server closed the WebSocket of a client')));
    socket.send(connectPacket(clientId));
  });
  if (connack[3] !== 0) throw new Error(`the server refused a client: CONNACK ${connack[3]}`);
  return { close: () => socket.terminate() };
}

/** @throws Error where there is no /proc */
function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(line![1]) * 1024;
}

function bytes(value: number): string {
  return Number.isNaN(value) ? '–' : Math.round(value).toLocaleString('en');
}

function times(value: number): string {
  return Number.isNaN(value) ? '–' : `${value.toFixed(2)}x`;
}
