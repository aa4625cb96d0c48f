import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryGateStore } from '../../../lib/gateway/gate/store/memory.store.js';
import { nextPushId } from '../../../lib/gateway/gate/store/push-id.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { gateStoreContract } from '../../../lib/testing/gate-store.contract.js';

gateStoreContract('memory', { open: async () => memoryGateStore(), close: (store) => store.close() });

describe('memoryGateStore', () => {
  it('forgets sessions whose time is over, and gates that fell silent', async () => {
    const clock = new FakeClock();
    const store = memoryGateStore({ clock });
    await store.beat('Gate@1', 1000);
    await store.open({ sessionId: 's1', clientId: 'a', userId: '', settings: {}, subscriptions: {} }, 'Gate@1', 500);
    await store.release('s1', 'Gate@1', 500);
    clock.advance(499);
    assert.deepEqual(await store.place('s1'), { sessionId: 's1', gateId: undefined });
    clock.advance(1);
    assert.equal(await store.place('s1'), undefined);
    assert.deepEqual(await store.gates(), ['Gate@1']);
    clock.advance(501);
    assert.deepEqual(await store.gates(), []);
  });
});

describe('push ids', () => {
  it('go round past 65535, over those that are taken', () => {
    assert.equal(nextPushId(0, () => false), 1);
    assert.equal(nextPushId(65_534, () => false), 65_535);
    assert.equal(nextPushId(65_535, (id) => id < 3), 3);
    assert.equal(nextPushId(7, () => true), undefined);
  });
});
