/**
 * Random and mutated messages against both sides of `anthill/1` in one process, without a server between: a stranger, a good caller and a
 * good callee on one hub. `garbage.test.ts` does the same to a process behind a real NATS.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../lib/common/clock.js';
import { events } from '../../lib/common/events.js';
import { Cluster, seeded, settle, type TestProcess } from '../unit/rpc/support.js';
import { addressOf, cancel, frame, message, out, RawPeer, reply, request, route } from '../unit/wire/anthill-raw.js';

const isSoak = process.env['ANTHILL_SOAK'] === '1';
const TOTAL = isSoak ? 1_000_000 : 50_000;
const BATCH = 250;
const SEED = Number(process.env['ANTHILL_SEED'] ?? 1);

/** Each sender that looks like one is remembered for a minute or two; the table is bounded (anthill-batching.test.ts). */
const remotesOf = (process: TestProcess): number => (process.runtime as unknown as { peers: Map<string, { remotes: { byAddress: Map<string, unknown> } }> }).peers.get('anthill/1')!.remotes.byAddress.size;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test(`${TOTAL} random and mutated messages: valid calls are answered all along, nothing is thrown, the heap stays flat`, async () => {
  const cluster = new Cluster();
  cluster.hub.post = Object.getPrototypeOf(cluster.hub).post.bind(cluster.hub); // nothing is kept for looking at
  const silent = { debug() {}, info() {}, warn() {}, error: (text: string, fields: unknown) => assert.fail(`logged: ${text} ${JSON.stringify(fields)}`) };
  const handlers = { '/echo': ([value]: readonly unknown[]) => value, '/serial': { run: async ([value]: readonly unknown[]) => value }, '/hang': () => new Promise((resolve) => setTimeout(resolve, 20)) };
  const callee = await cluster.start([{ type: 'svc', id: 'n', handlers }], { logger: { ...silent, error() {} } }, systemClock);
  const caller = await cluster.start([], { logger: silent }, systemClock);
  const stranger = await RawPeer.join(cluster, 'stranger');
  const random = seeded(SEED);
  const int = (below: number): number => Math.floor(random() * below);
  let dropped = 0;
  const count = (): void => void dropped++;
  events.count.subscribe(count);
  let crashed: unknown;
  const onCrash = (error: unknown): void => void (crashed ??= error);
  process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);

  const senders = ['anthill.process.stranger', addressOf(caller), addressOf(callee), 'anthill.process.nobody', 'x'];
  const originals = [
    () => message(senders[int(senders.length)]!, route('svc@n', '/echo'), request({ id: int(1000), args: [int(9), 'text', { a: [1, null, true] }] })),
    () => message(senders[0]!, route('svc@n', '/hang'), request({ id: int(1000), timeoutMs: 5 }), cancel(int(1000))),
    () => message(senders[0]!, route('svc@n', '/serial'), request({ id: int(1000), metadata: { a: 'b' }, chain: [['a@1', 'serial', '/x']], timeoutMs: 50 }), frame(6, [])),
    () => message(senders[0]!, route('svc@n', '/echo'), request({ id: int(1000), flags: 0x10, payload: out().varint(1).varint(4).u8(1).text('x').u8(7).bytes })),
    () => message(senders[int(senders.length)]!, reply(int(5000), { a: 1 }), frame(4, out().varint(int(5000)).u8(13).u8(7).text('R').text('m').pairs({ a: 'b' }).u8(0xc0)), frame(7, [])),
  ];
  const mutant = (): Uint8Array => {
    if (random() < 0.15) return Uint8Array.from({ length: int(80) }, () => int(256));
    const whole = originals[int(originals.length)]!();
    const bytes = random() < 0.1 ? Uint8Array.from([...whole, ...whole]) : whole;
    for (let i = int(4); i > 0; i--) bytes[int(bytes.length)] = int(256);
    return random() < 0.2 ? bytes.subarray(0, int(bytes.length)) : bytes;
  };

  let heapAt = 0;
  let slowest = 0;
  let stolen = 0;
  for (let sent = 0; sent < TOTAL; sent += BATCH) {
    for (let i = 0; i < BATCH; i++) stranger.post(random() < 0.7 ? callee : caller, mutant());
    const from = performance.now();
    const outcomes = await Promise.allSettled([caller.rpc.call('svc', '/echo', [sent]), caller.rpc.call('svc', '/serial', [sent])]);
    slowest = Math.max(slowest, performance.now() - from);
    // Mutants carry the good caller's and callee's own addresses too: what claims to be them with a right id is theirs, as far as anybody can tell.
    for (const outcome of outcomes) if (outcome.status === 'rejected' || outcome.value !== sent) stolen++;
    stranger.frames.length = stranger.messages.length = 0;
    if (sent === TOTAL / 5) {
      collect();
      heapAt = process.memoryUsage().heapUsed;
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  await settle();
  collect();
  const grownMb = (process.memoryUsage().heapUsed - heapAt) / 1e6;
  process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash);
  events.count.unsubscribe(count);
  console.log(`fuzz: ${TOTAL} messages (seed ${SEED}), ${dropped} counted, slowest pair of calls ${slowest.toFixed(0)} ms, heap ${grownMb >= 0 ? '+' : ''}${grownMb.toFixed(1)} MB, ${stolen} forged, ${remotesOf(callee) + remotesOf(caller)} made-up processes remembered`);
  assert.equal(crashed, undefined);
  assert.ok(dropped > TOTAL / 4, `only ${dropped} were bad`);
  assert.ok(stolen <= TOTAL / 10_000, `${stolen} calls got something else`);
  assert.ok(grownMb < 20, `${grownMb} MB more`);
  assert.equal(await caller.rpc.call('svc', '/echo', ['still here']), 'still here');
  await cluster.stop();
});
