import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { RpcError } from '../common/rpc-error.js';
import type { Transport } from '../rpc/transport.js';
import { Inbox, Observed, turn } from './transport.probe.js';

/** What the suite runs on: a medium (a hub, a server) and transports on it. @plugin */
export interface TransportRig {
  /** A new transport on the medium, not connected. */
  transport(): Transport;
  /** Breaks the link of `transport`; others may lose theirs as well. */
  cut(transport: Transport): Promise<void> | void;
  /** Mends what `cut` broke. */
  restore(transport: Transport): Promise<void> | void;
  close?(): Promise<void> | void;
}

const LIMIT = { timeout: 30_000 };

/**
 * What every {@link Transport} must do, as tests of node:test. Call it at the top level of a test file.
 * @param factory makes the medium; called once
 * @plugin
 */
export function transportContract(name: string, factory: () => Promise<TransportRig> | TransportRig): void {
  describe(`transport contract: ${name}`, LIMIT, () => {
    let rig: TransportRig;
    let a: Observed;
    let b: Observed;
    before(async () => {
      rig = await factory();
    });
    after(() => rig.close?.());
    beforeEach(async () => {
      a = new Observed(rig.transport());
      b = new Observed(rig.transport());
      await Promise.all([a.transport.connect(), b.transport.connect()]);
    });
    afterEach(() => Promise.all([a.transport.close(), b.transport.close()]));

    it('delivers the bytes, and the address they were sent to', async () => {
      const inbox = await Inbox.open(b.transport, 'node', 'bytes@1');
      const every = Uint8Array.from({ length: 256 }, (_, i) => i);
      a.transport.send(inbox.address, every);
      a.transport.send(inbox.address, new Uint8Array(0));
      assert.deepEqual(await inbox.take(2), [[...every], []]);
      assert.deepEqual(inbox.addresses, [inbox.address, inbox.address]);
    });

    it('delivers to the process that sent', async () => {
      const inbox = await Inbox.open(a.transport, 'process', 'self');
      a.transport.send(inbox.address, Uint8Array.of(1));
      assert.deepEqual(await inbox.take(1), [[1]]);
    });

    it('delivers later, never inside send', async () => {
      const inbox = await Inbox.open(a.transport, 'process', 'later');
      a.transport.send(inbox.address, Uint8Array.of(1));
      assert.equal(inbox.received.length, 0);
      await inbox.take(1);
    });

    it('keeps the order of a sender per address', async () => {
      const [first, second] = await Promise.all([Inbox.open(b.transport, 'node', 'o@1'), Inbox.open(b.transport, 'node', 'o@2')]);
      const sent: number[][] = [];
      for (let i = 0; i < 2000; i++) {
        const body = [i >> 8, i & 0xff];
        sent.push(body);
        a.transport.send(first.address, Uint8Array.from(body));
        a.transport.send(second.address, Uint8Array.from(body), i);
        if (i % 100 === 0) await turn();
      }
      assert.deepEqual(await first.take(2000), sent);
      assert.deepEqual(await second.take(2000), sent);
    });

    it('keeps many subscriptions apart', async () => {
      const inboxes = await Promise.all(Array.from({ length: 300 }, (_, i) => Inbox.open(b.transport, 'node', `many@${i}`)));
      inboxes.forEach((inbox, i) => a.transport.send(inbox.address, Uint8Array.of(i >> 8, i & 0xff)));
      for (const [i, inbox] of inboxes.entries()) assert.deepEqual(await inbox.take(1), [[i >> 8, i & 0xff]]);
      await a.transport.flush();
      for (const inbox of inboxes) assert.equal(inbox.received.length, 1);
    });

    it('gives different names different addresses, without colons, spaces or wildcards', async () => {
      const names = ['a@b', 'a@*', 'a@>', '*@b', '>@b', 'a@b.c', 'a.b@c', 'a@b c', 'a@b:c', 'a@', 'ä@b', 'a%2E@b', 'a_b@c', 'a\n@b'];
      const addresses = names.map((each) => b.transport.address('node', each));
      addresses.push(...names.map((each) => b.transport.address('process', each)));
      assert.equal(new Set(addresses).size, addresses.length);
      for (const address of addresses) assert.match(address, /^[^\s:*>]+$/);
      const inboxes = await Promise.all(names.map((each) => Inbox.open(b.transport, 'node', each)));
      inboxes.forEach((inbox, i) => a.transport.send(inbox.address, Uint8Array.of(i)));
      for (const [i, inbox] of inboxes.entries()) assert.deepEqual(await inbox.take(1), [[i]]);
    });

    it('gives the receiver bytes of its own, and the sender its buffer back in the next turn', async () => {
      const inbox = await Inbox.open(b.transport, 'node', 'isolated@1', (bytes) => bytes.fill(9));
      const buffer = Uint8Array.of(1, 2, 3);
      a.transport.send(inbox.address, buffer);
      await turn();
      buffer.fill(7);
      a.transport.send(inbox.address, buffer);
      assert.deepEqual(await inbox.take(2), [
        [1, 2, 3],
        [7, 7, 7],
      ]);
      assert.deepEqual([...buffer], [7, 7, 7]);
    });

    it('survives a listener that throws', async () => {
      let calls = 0;
      const address = b.transport.address('node', 'throws@1');
      await b.transport.subscribe(address, () => {
        calls++;
        throw new Error('from a listener');
      });
      const inbox = await Inbox.open(b.transport, 'node', 'beside@1');
      a.transport.send(address, Uint8Array.of(1));
      a.transport.send(address, Uint8Array.of(2));
      a.transport.send(inbox.address, Uint8Array.of(3));
      assert.deepEqual(await inbox.take(1), [[3]]);
      assert.equal(calls, 2);
      assert.ok(b.logged.some((line) => line.includes(address)), `nothing of ${address} in the log: ${b.logged.join(', ')}`);
      assert.equal(b.transport.isUp, true);
    });

    it('stops delivering when a subscription is closed', async () => {
      const inbox = await Inbox.open(b.transport, 'node', 'closing@1');
      const fence = await Inbox.open(b.transport, 'node', 'fence@1');
      inbox.subscription.close();
      inbox.subscription.close();
      await b.transport.flush();
      a.transport.send(inbox.address, Uint8Array.of(1), 5);
      a.transport.send(fence.address, Uint8Array.of(2));
      await fence.take(1);
      assert.deepEqual(inbox.received, []);
      assert.equal(await a.undeliverable(), 5);
    });

    it('tells which messages had no subscriber, later, and only those with a token', async () => {
      const inbox = await Inbox.open(b.transport, 'node', 'there@1');
      const nowhere = a.transport.address('node', 'nowhere@1');
      a.transport.send(nowhere, Uint8Array.of(1), 0);
      a.transport.send(inbox.address, Uint8Array.of(2), 1);
      a.transport.send(nowhere, Uint8Array.of(3));
      a.transport.send(nowhere, Uint8Array.of(4), Number.MAX_SAFE_INTEGER);
      assert.deepEqual(a.tokens, []);
      assert.equal(await a.undeliverable(), 0);
      assert.equal(await a.undeliverable(), Number.MAX_SAFE_INTEGER);
      assert.deepEqual(await inbox.take(1), [[2]]);
      await a.transport.flush();
      assert.deepEqual(a.tokens, []);
      assert.deepEqual(b.tokens, []);
    });

    it('refuses what is too large before sending, and stays', async () => {
      const { transport } = a;
      const inbox = await Inbox.open(b.transport, 'node', 'large@1');
      const limit = transport.maxMessageBytes;
      assert.throws(() => transport.send(inbox.address, new Uint8Array(limit + 1)), refused('PAYLOAD_TOO_LARGE', new RegExp(String(limit))));
      transport.send(inbox.address, new Uint8Array(limit), 1);
      assert.equal((await inbox.take(1))[0]?.length, limit);
      assert.equal(transport.isUp, true);
    });

    it('is down before connect and after close', async () => {
      const fresh = new Observed(rig.transport());
      const { transport } = fresh;
      const address = transport.address('process', 'fresh');
      const isDown = async (): Promise<void> => {
        assert.equal(transport.isUp, false);
        assert.equal(transport.health().status, 'down');
        assert.throws(() => transport.send(address, Uint8Array.of(1)), refused('TRANSPORT_DOWN'));
        await assert.rejects(transport.subscribe(address, () => {}), refused('TRANSPORT_DOWN'));
        await assert.rejects(transport.flush(), refused('TRANSPORT_DOWN'));
      };
      await isDown();
      await transport.connect();
      assert.equal(transport.isUp, true);
      assert.equal(transport.health().status, 'up');
      await transport.close();
      await isDown();
      await assert.rejects(transport.connect(), refused('TRANSPORT_DOWN'));
      assert.deepEqual(fresh.links, []);
    });

    it('gives up connecting when told so', async () => {
      const { transport } = new Observed(rig.transport());
      await assert.rejects(transport.connect(AbortSignal.abort(new Error('enough'))), /enough/);
      assert.equal(transport.isUp, false);
      await transport.close();
    });

    it('sends what was handed over before close, and delivers nothing after', async () => {
      const inbox = await Inbox.open(b.transport, 'node', 'last@1');
      const own = await Inbox.open(a.transport, 'node', 'own@1');
      for (let i = 0; i < 100; i++) a.transport.send(inbox.address, Uint8Array.of(i));
      a.transport.send(own.address, Uint8Array.of(1));
      a.transport.send(a.transport.address('node', 'nowhere@1'), Uint8Array.of(1), 3);
      await Promise.all([a.transport.close(), a.transport.close()]);
      await a.transport.close();
      assert.equal((await inbox.take(100)).length, 100);
      await b.transport.flush();
      assert.deepEqual([own.received, a.tokens, a.links], [[], [], []]);
    });

    it('flushes', async () => {
      const inbox = await Inbox.open(b.transport, 'node', 'flushed@1');
      a.transport.send(inbox.address, Uint8Array.of(1));
      await a.transport.flush();
      assert.deepEqual(await inbox.take(1), [[1]]);
    });

    it('notices a lost link, refuses meanwhile, and serves its subscriptions again afterwards', async () => {
      const { transport } = b;
      const inbox = await Inbox.open(transport, 'node', 'cut@1');
      const gone = await Inbox.open(transport, 'node', 'gone@1');
      await rig.cut(transport);
      assert.equal(await b.link(), false);
      assert.equal(transport.isUp, false);
      assert.equal(transport.health().status, 'down');
      assert.throws(() => transport.send(inbox.address, Uint8Array.of(1), 1), refused('TRANSPORT_DOWN'));
      await assert.rejects(transport.flush(), refused('TRANSPORT_DOWN'));
      gone.subscription.close();
      const late = Inbox.open(transport, 'node', 'late@1');

      await rig.restore(transport);
      assert.equal(await b.link(), true);
      assert.equal(transport.health().status, 'up');
      await a.isUp();
      const lateInbox = await late;
      for (const [i, to] of [inbox, lateInbox].entries()) {
        a.transport.send(to.address, Uint8Array.of(i));
        transport.send(to.address, Uint8Array.of(i));
      }
      // Exactly these: nothing of the time in between, nothing twice.
      assert.deepEqual(await inbox.take(2), [[0], [0]]);
      assert.deepEqual(await lateInbox.take(2), [[1], [1]]);
      transport.send(gone.address, Uint8Array.of(1), 77);
      assert.equal(await b.undeliverable(), 77);
      await transport.flush();
      assert.deepEqual([inbox.received.length, lateInbox.received.length, gone.received.length], [2, 2, 0]);
      assert.deepEqual(b.links, []);
    });

    it('can be closed while the link is down', async () => {
      const { transport } = b;
      await rig.cut(transport);
      assert.equal(await b.link(), false);
      const pending = assert.rejects(transport.subscribe(transport.address('node', 'x@1'), () => {}), refused('TRANSPORT_DOWN'));
      await transport.close();
      await pending;
      await rig.restore(transport);
      await a.isUp();
      assert.deepEqual(b.links, []);
    });
  });
}

/** An error that says that the message did not leave. */
function refused(reason: string, message = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(RpcError.is(error), `not an RpcError: ${String(error)}`);
    assert.equal(error.reason, reason);
    assert.equal(error.undelivered, true);
    assert.match(error.message, message);
    return true;
  };
}
