import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memory, memoryHub } from '../../../lib/transport/memory/index.js';
import { transportContract } from '../../../lib/testing/transport.contract.js';
import { Inbox, Observed } from '../../../lib/testing/transport.probe.js';

transportContract('memory', () => {
  const hub = memoryHub();
  return { transport: () => memory(hub), cut: (transport) => hub.cut(transport), restore: (transport) => hub.restore(transport) };
});

describe('memory transport', () => {
  it('does not reach a transport of another hub', async () => {
    const [mine, other] = [new Observed(memory()), new Observed(memory())];
    await Promise.all([mine.transport.connect(), other.transport.connect()]);
    const inbox = await Inbox.open(other.transport, 'node', 'x@1');
    mine.transport.send(inbox.address, Uint8Array.of(1), 8);
    assert.equal(await mine.undeliverable(), 8);
    assert.deepEqual(inbox.received, []);
  });

  it('takes a transport whose link is cut for absent, and does not connect it', async () => {
    const hub = memoryHub();
    const [a, b] = [new Observed(memory(hub)), new Observed(memory(hub))];
    await Promise.all([a.transport.connect(), b.transport.connect()]);
    const inbox = await Inbox.open(b.transport, 'node', 'x@1');
    hub.cut(b.transport);
    a.transport.send(inbox.address, Uint8Array.of(1), 8);
    assert.equal(await a.undeliverable(), 8);
    const fresh = memory(hub);
    hub.cut(fresh);
    await assert.rejects(fresh.connect(), /was cut; hub\.restore/);
    hub.restore(fresh);
    await fresh.connect();
  });

  it('takes the size limit from the hub, and names it', async () => {
    const transport = memory(memoryHub({ maxMessageBytes: 10 }));
    await transport.connect();
    assert.throws(() => transport.send('x', new Uint8Array(11)), /11 bytes to x is over the limit of 10.*memoryHub/);
  });

  it('refuses to cut a stranger', () => {
    assert.throws(() => memoryHub().cut(memory()), /does not belong to this hub/);
  });
});
