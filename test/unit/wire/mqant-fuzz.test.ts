import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { ByteReader, MalformedBytes } from '../../../lib/rpc/byte-reader.js';
import { double, int, long, type TypedValue } from '../../../lib/common/value-types.js';
import { memory, memoryHub } from '../../../lib/transport/memory/index.js';
import { readResultInfo } from '../../../lib/wire/mqant/result-info.js';
import { readRpcInfo } from '../../../lib/wire/mqant/rpc-info.js';
import { SerializerTable } from '../../../lib/wire/mqant/serializer.js';
import { TypeMismatch, ValueDecoder } from '../../../lib/wire/mqant/value-decoder.js';
import { call, counts, goVectors, nodeAt, Req, ResultMessage, roundTrip, seeded, startProcess, TestHost, unhex } from './mqant-support.js';

const ROUNDS = 20_000;
const node = nodeAt('shop@1', 'anthill.rpc.shop.1');

/** Random bytes, or a real message with some bytes changed, cut or doubled. */
function mutant(random: () => number, originals: readonly Uint8Array[]): Uint8Array {
  const int = (below: number): number => Math.floor(random() * below);
  if (random() < 0.2) return Uint8Array.from({ length: int(64) }, () => int(256));
  const original = originals[int(originals.length)]!;
  const bytes = Uint8Array.from(random() < 0.1 ? [...original, ...original] : original);
  for (let i = int(4); i >= 0; i--) if (bytes.length > 0) bytes[int(bytes.length)] = int(256);
  return random() < 0.3 ? bytes.subarray(0, int(bytes.length + 1)) : bytes;
}

describe('the mqant wire under random bytes', () => {
  const vectors = goVectors();
  const originals = vectors.map((vector) => unhex(vector.hex));

  it('reads them or says that they are broken', () => {
    const random = seeded(1);
    let good = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const bytes = mutant(random, originals);
      for (const read of [readRpcInfo, readResultInfo]) {
        try {
          read(bytes);
          good++;
        } catch (error) {
          if (!(error instanceof MalformedBytes)) throw error;
        }
      }
    }
    assert.ok(good > ROUNDS / 10, `${good} were whole: the mutants are not all rubbish`);
  });

  it('reads any bytes as any type, or refuses them', () => {
    const random = seeded(2);
    const decoder = new ValueDecoder(new SerializerTable());
    const labels = ['null', 'bool', 'int', 'long', 'float', 'double', 'bytes', 'string', 'map', 'mapstr', 'trace', 'proto@*x', 'marshal@x', 'other', ''];
    const types = [undefined, ...labels, 'json', Req];
    for (let i = 0; i < ROUNDS; i++) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 20) }, () => Math.floor(random() * 256));
      const [label, type] = [labels[Math.floor(random() * labels.length)]!, types[Math.floor(random() * types.length)]];
      try {
        decoder.argument(label, new ByteReader(bytes), type);
      } catch (error) {
        if (!(error instanceof MalformedBytes || error instanceof TypeMismatch)) throw error;
      }
    }
  });

  it('neither throws nor stops serving', async () => {
    const hub = memoryHub();
    const caller = await startProcess(hub);
    const callee = await startProcess(hub, {}, '00000000000000bb');
    let served = 0;
    const handler = { run: (...args: unknown[]) => (served++, args[0]) };
    await callee.peer.serve(new TestHost('shop@1', { '/echo': handler, '/say/hi': handler, '/echo/int': { ...handler, args: ['int'] }, '/test/proto': { ...handler, args: [ResultMessage] } }), node.address);
    const stranger = memory(hub);
    await stranger.connect();
    const random = seeded(3);
    const counted = await counts(async () => {
      for (let i = 0; i < ROUNDS; i++) {
        const bytes = mutant(random, originals);
        stranger.send(random() < 0.7 ? node.address : 'anthill.process.mqant-00000000000000aa', bytes);
        if (i % 500 === 0) assert.equal(await call(caller, node, '/echo', [i]), i);
      }
      await roundTrip();
    });
    assert.ok(served > 100, `${served} calls got through to a handler`);
    assert.ok(counted.includes('frame.dropped') && counted.includes('reply.unknown'));
    // A listener that throws is counted by the transport.
    assert.ok(!counted.includes('transport.listener_failed'));
  });
});

describe('mqant round trips of random values', () => {
  type Sample = readonly [sent: unknown, wanted: unknown];

  function sample(random: () => number): Sample {
    const below = (n: number): number => Math.floor(random() * n);
    const text = (): string => String.fromCharCode(...Array.from({ length: below(80) }, () => below(0xd800)));
    const bits = (): bigint => BigInt.asIntN(64, (BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32)));
    const same = (value: unknown): Sample => [value, value];
    switch (below(9)) {
      case 0:
        return same(text());
      case 1:
        return same((random() - 0.5) * 10 ** below(300) + 0.5);
      case 2:
        return same(Math.floor((random() - 0.5) * 2 ** below(54)));
      case 3: {
        const value = bits() >> BigInt(below(64));
        return [value, Number.isSafeInteger(Number(value)) ? Number(value) : value];
      }
      case 4:
        return same(Uint8Array.from({ length: below(300) }, () => below(256)));
      case 5:
        return same({ [text()]: [below(1e9), text(), null, { deep: random() < 0.5 }] });
      case 6: {
        const value = below(2 ** 32) - 2 ** 31;
        return [int(value), value];
      }
      case 7: {
        const value = bits();
        return [long(value), Number.isSafeInteger(Number(value)) ? Number(value) : value];
      }
      default: {
        const value = below(2 ** 31);
        return [double(value) as TypedValue, value];
      }
    }
  }

  it('give back what was sent', async () => {
    const hub = memoryHub();
    const caller = await startProcess(hub);
    const callee = await startProcess(hub, {}, '00000000000000bb');
    let seen: unknown[] = [];
    await callee.peer.serve(new TestHost('shop@1', { '/see': { run: (...args) => ((seen = args), args[0]) } }), node.address);
    const random = seeded(4);
    for (let i = 0; i < 1000; i++) {
      const samples = Array.from({ length: 1 + Math.floor(random() * 5) }, () => sample(random));
      const wanted = samples.map(([, value]) => (Object.is(value, -0) ? 0 : value));
      try {
        const reply = await call(caller, node, '/see', samples.map(([value]) => value));
        assert.deepEqual([seen, reply], [wanted, wanted[0]]);
      } catch (error) {
        throw RpcError.is(error) ? new Error(`round ${i}: ${error.message}`) : error;
      }
    }
  });
});
