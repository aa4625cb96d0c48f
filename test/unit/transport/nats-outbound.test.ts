import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NatsOutbound } from '../../../lib/transport/nats/nats.outbound.js';

/** A server whose answers the test gives. */
function make(limit: number): { outbound: NatsOutbound; pings: { answer(): Promise<void>; fail(): Promise<void> }[] } {
  const pings: { answer(): Promise<void>; fail(): Promise<void> }[] = [];
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const outbound = new NatsOutbound(
    limit,
    () =>
      new Promise((resolve, reject) => {
        pings.push({ answer: () => (resolve(), settled()), fail: () => (reject(new Error('gone')), settled()) });
      }),
  );
  return { outbound, pings };
}

describe('NatsOutbound', () => {
  it('is full at the limit, and has room again when the server has read', async () => {
    const { outbound, pings } = make(16_000);
    let count = 0;
    for (; !outbound.isFull; count++) outbound.add(900);
    assert.equal(count, 16);
    assert.equal(pings.length, 16);
    await pings[0]!.answer();
    assert.equal(outbound.isFull, false);
    assert.equal(outbound.bytes, 15_000);
    for (const ping of pings) await ping.answer();
    assert.equal(outbound.bytes, 0);
  });

  it('pings rarely: once per sixteenth of the limit', () => {
    const { outbound, pings } = make(1_600_000);
    for (let i = 0; i < 999; i++) outbound.add(100);
    assert.equal(pings.length, 1);
    assert.ok(outbound.bytes > 0);
  });

  it('one message over the limit passes an empty buffer', () => {
    const { outbound } = make(1000);
    assert.equal(outbound.isFull, false);
    outbound.add(5000);
    assert.equal(outbound.isFull, true);
  });

  it('starts anew with each link; answers to the old one do not count', async () => {
    const { outbound, pings } = make(1600);
    outbound.add(1000);
    outbound.reset();
    outbound.add(500);
    await pings[0]!.answer();
    assert.equal(outbound.bytes, 600);
    await pings[1]!.fail();
    assert.equal(outbound.bytes, 600);
  });
});
