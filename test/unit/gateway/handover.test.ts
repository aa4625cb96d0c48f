import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Background } from '../../../lib/gateway/gate/background.js';
import type { PushMessage } from '../../../lib/gateway/gate/agent.js';
import type { GateClient } from '../../../lib/gateway/gate/gate-client.js';
import { Handover } from '../../../lib/gateway/gate/handover.js';
import { SessionTable } from '../../../lib/gateway/gate/session-table.js';
import { memoryGateStore } from '../../../lib/gateway/gate/store/memory.store.js';
import type { Rpc } from '../../../lib/rpc/rpc.client.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe('handing pushes over to other gates', () => {
  /** The first gate; the second is reached over a link that can be down. */
  async function gate() {
    const clock = new FakeClock();
    const store = memoryGateStore({ clock });
    await store.beat('Gate@1', 60_000);
    await store.beat('Gate@2', 60_000);
    const link = { isUp: false };
    const calls: [string, string, readonly unknown[]][] = [];
    const call = async (target: string, fn: string, args: readonly unknown[]): Promise<null> => {
      if (!link.isUp) throw new Error('down');
      calls.push([target, fn, args.slice(1, 3)]);
      return null;
    };
    const background = new Background('Gate@1', clock, silent);
    const table = new SessionTable();
    const handover = new Handover({ gateId: 'Gate@1', store, rpc: { call } as unknown as Rpc, table, background });
    const open = (gateId: string) => store.open({ sessionId: 's', clientId: 'c', userId: '', settings: {}, subscriptions: {} }, gateId, 60_000);
    const push = async (): Promise<void> => {
      const kept = await store.keep('s', { topic: 't', body: Buffer.alloc(1), qos: 1 }, 10);
      assert.ok(typeof kept !== 'string');
      await handover.send('s', kept.gateId, kept.push);
    };
    return { store, link, calls, background, table, open, push };
  }

  it('tries those that did not arrive again, together', async () => {
    const { open, push, link, calls, background } = await gate();
    await open('Gate@2');
    await push();
    await push();
    await background.settle();
    assert.deepEqual(calls, []);
    await push();
    link.isUp = true;
    await background.settle();
    await background.settle();
    assert.deepEqual(calls, [['Gate@2', 'DeliverAgain', ['s', '1,2,3']]]);
    await push();
    assert.deepEqual(calls.slice(1), [['Gate@2', 'Deliver', ['s', 4]]]);
  });

  it('leaves them to the next connection when the client is gone, and sends them itself when it has come here', async () => {
    const { open, push, link, calls, background, store, table } = await gate();
    await open('Gate@2');
    await push();
    await store.release('s', 'Gate@2', 60_000);
    link.isUp = true;
    await background.settle();
    assert.deepEqual(calls, []);
    await open('Gate@2');
    link.isUp = false;
    await push();
    await store.acknowledge('s', 1);
    await open('Gate@1');
    const sent: PushMessage[] = [];
    table.add({ state: { sessionId: 's', userId: '' }, push: (message: PushMessage) => sent.push(message) } as unknown as GateClient);
    await background.settle();
    assert.deepEqual(sent.map(({ id, dup }) => [id, dup]), [[2, true]]);
  });
});
