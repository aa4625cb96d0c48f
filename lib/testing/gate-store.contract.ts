import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { GateStore, StoredSession } from '../gateway/gate/store/gate-store.js';

/** A store to be tested. @plugin */
export interface GateStoreSubject {
  /** A store that knows nothing, connected. */
  open(): Promise<GateStore>;
  close(store: GateStore): Promise<void>;
}

const TTL_MS = 60_000;
const KEEP_MS = 60_000;

/**
 * What every `GateStore` does. Call it in a test file: it makes a `describe` of its own.
 * @plugin
 */
export function gateStoreContract(name: string, subject: GateStoreSubject): void {
  describe(`${name}: gate store contract`, () => {
    let store: GateStore;
    beforeEach(async () => {
      store = await subject.open();
      await store.beat('Gate@1', TTL_MS);
      await store.beat('Gate@2', TTL_MS);
    });
    afterEach(() => subject.close(store));

    it('knows the gates that live', async () => {
      assert.deepEqual([...(await store.gates())].sort(), ['Gate@1', 'Gate@2']);
    });

    it('opens a session, and finds it where it is', async () => {
      const opened = await store.open(session('s1', 'phone'), 'Gate@1', KEEP_MS);
      assert.equal(opened.resumed, false);
      assert.equal(opened.displaced, undefined);
      assert.deepEqual({ ...opened.session, settings: { ...opened.session.settings }, subscriptions: { ...opened.session.subscriptions } }, session('s1', 'phone'));
      assert.deepEqual(await store.place('s1'), { sessionId: 's1', gateId: 'Gate@1' });
      assert.equal(await store.place('nobody'), undefined);
    });

    it('resumes by client id, at another gate, with all that the session had', async () => {
      await store.open(session('s1', 'phone'), 'Gate@1', KEEP_MS);
      await store.bind('s1', 'mia', 'allow');
      await store.save('s1', { settings: { level: '3' }, subscriptions: { 'a/+': 1 } });
      await store.join('hall', 's1');
      await store.keep('s1', { topic: 't', body: Buffer.from('x'), qos: 1 }, 10);
      await store.release('s1', 'Gate@1', KEEP_MS);
      assert.deepEqual(await store.placesOf('mia'), [{ sessionId: 's1', gateId: undefined }]);
      const { session: stored, resumed, displaced } = await store.open(session('s2', 'phone'), 'Gate@2', KEEP_MS);
      assert.deepEqual([stored.sessionId, stored.userId, { ...stored.settings }, { ...stored.subscriptions }, resumed, displaced], ['s1', 'mia', { level: '3' }, { 'a/+': 1 }, true, undefined]);
      assert.deepEqual(await store.members('hall'), [{ sessionId: 's1', gateId: 'Gate@2' }]);
      assert.deepEqual((await store.unacknowledged('s1')).map(({ id, topic, body, qos }) => [id, topic, Buffer.from(body).toString(), qos]), [[1, 't', 'x', 1]]);
    });

    it('tells whose connection is taken over', async () => {
      await store.open(session('s1', 'phone'), 'Gate@1', KEEP_MS);
      assert.deepEqual((await store.open(session('s2', 'phone'), 'Gate@2', KEEP_MS)).displaced, { sessionId: 's1', gateId: 'Gate@1' });
      // The one that was displaced has nothing to release any more.
      await store.release('s1', 'Gate@1', 0);
      assert.deepEqual(await store.place('s1'), { sessionId: 's1', gateId: 'Gate@2' });
    });

    it('drops the old session for a client that wants a clean one', async () => {
      await store.open(session('s1', 'phone'), 'Gate@1', KEEP_MS);
      await store.bind('s1', 'mia', 'allow');
      const opened = await store.open(session('s2', 'phone'), 'Gate@1', 0);
      assert.deepEqual([opened.session.sessionId, opened.resumed], ['s2', false]);
      assert.equal(await store.place('s1'), undefined);
      assert.deepEqual(await store.placesOf('mia'), []);
    });

    it('begins anew for a client whose session was a clean one, though its connection is there still', async () => {
      await store.open(session('s1', 'phone'), 'Gate@1', 0);
      await store.keep('s1', { topic: 't', body: Buffer.from('x'), qos: 1 }, 10);
      const opened = await store.open(session('s2', 'phone'), 'Gate@2', KEEP_MS);
      assert.deepEqual([opened.session.sessionId, opened.resumed, opened.displaced], ['s2', false, { sessionId: 's1', gateId: 'Gate@1' }]);
      assert.deepEqual([await store.place('s1'), await store.unacknowledged('s2')], [undefined, []]);
    });

    it('forgets a session that is released for good', async () => {
      await store.open(session('s1', 'phone'), 'Gate@1', 0);
      await store.join('hall', 's1');
      await store.release('s1', 'Gate@1', 0);
      assert.equal(await store.place('s1'), undefined);
      assert.deepEqual(await store.members('hall'), []);
      assert.equal(await store.join('hall', 's1'), false);
      assert.equal(await store.keep('s1', { topic: 't', body: Buffer.alloc(1), qos: 1 }, 10), 'gone');
    });

    it('lets a user in twice, or kicks, or refuses', async () => {
      await store.open(session('s1', 'a'), 'Gate@1', 0);
      await store.open(session('s2', 'b'), 'Gate@2', 0);
      assert.equal((await store.bind('s1', 'mia', 'allow')).bound, true);
      assert.deepEqual(await store.bind('s2', 'mia', 'refuse'), { bound: false, displaced: [] });
      assert.deepEqual(await store.bind('s2', 'mia', 'kick'), { bound: true, displaced: [{ sessionId: 's1', gateId: 'Gate@1' }] });
      assert.deepEqual(await store.placesOf('mia'), [{ sessionId: 's2', gateId: 'Gate@2' }]);
      assert.equal((await store.bind('s1', 'mia', 'allow')).bound, true);
      assert.equal((await store.placesOf('mia')).length, 2);
      // Again by the same session, and as somebody else.
      assert.deepEqual(await store.bind('s1', 'mia', 'refuse'), { bound: false, displaced: [] });
      assert.equal((await store.bind('s1', 'eve', 'refuse')).bound, true);
      await store.unbind('s2');
      assert.deepEqual([await store.placesOf('mia'), (await store.placesOf('eve')).length], [[], 1]);
      assert.equal((await store.bind('nobody', 'x', 'allow')).bound, false);
    });

    it('numbers pushes from 1 to 65535 and round, keeps their order, and no more than the limit', async () => {
      await store.open(session('s1', 'a'), 'Gate@1', 0);
      const push = async (text: string) => {
        const kept = await store.keep('s1', { topic: 't', body: Buffer.from(text), qos: 2 }, 3);
        return typeof kept === 'string' ? kept : kept.push.id;
      };
      assert.deepEqual([await push('a'), await push('b'), await push('c'), await push('d')], [1, 2, 3, 'full']);
      await store.acknowledge('s1', 2);
      assert.equal(await push('e'), 4);
      assert.deepEqual((await store.unacknowledged('s1')).map(({ id, body, qos }) => [id, Buffer.from(body).toString(), qos]), [[1, 'a', 2], [3, 'c', 2], [4, 'e', 2]]);
      await store.acknowledge('s1', 99);
      assert.equal((await store.unacknowledged('s1')).length, 3);
    });

    it('tells where the client is when a push is kept', async () => {
      const where = async () => {
        const kept = await store.keep('s1', { topic: 't', body: Buffer.alloc(1), qos: 1 }, 10);
        return typeof kept === 'string' ? kept : kept.gateId;
      };
      await store.open(session('s1', 'a'), 'Gate@1', KEEP_MS);
      assert.equal(await where(), 'Gate@1');
      await store.release('s1', 'Gate@1', KEEP_MS);
      assert.equal(await where(), undefined);
      await store.open(session('s2', 'a'), 'Gate@2', KEEP_MS);
      assert.equal(await where(), 'Gate@2');
    });

    it('releases all that was at a gate which leaves, and knows that it does not live', async () => {
      await store.open(session('kept', 'a'), 'Gate@1', KEEP_MS);
      await store.open(session('clean', 'b'), 'Gate@1', 0);
      await store.open(session('other', 'c'), 'Gate@2', 0);
      await store.retire('Gate@1');
      assert.deepEqual([await store.gates(), await store.place('kept'), await store.place('clean')], [['Gate@2'], { sessionId: 'kept', gateId: undefined }, undefined]);
      assert.equal((await store.place('other'))?.gateId, 'Gate@2');
      assert.deepEqual([await store.beat('Gate@1', TTL_MS), await store.beat('Gate@1', TTL_MS)], [false, true]);
    });

    it('gives sessions back to a gate that was taken for dead, unless they are gone or went on elsewhere', async () => {
      for (const [id, keepMs] of [['kept', KEEP_MS], ['clean', 0], ['moved', KEEP_MS]] as const) await store.open(session(id, `client of ${id}`), 'Gate@1', keepMs);
      await store.keep('kept', { topic: 't', body: Buffer.alloc(1), qos: 1 }, 10);
      await store.retire('Gate@1');
      await store.open(session('new', 'client of moved'), 'Gate@2', KEEP_MS);
      await store.beat('Gate@1', TTL_MS);
      assert.deepEqual([...(await store.reclaim('Gate@1', ['kept', 'clean', 'moved', 'unknown']))].sort(), ['clean', 'moved', 'unknown']);
      assert.deepEqual([await store.place('kept'), await store.place('moved')], [{ sessionId: 'kept', gateId: 'Gate@1' }, { sessionId: 'moved', gateId: 'Gate@2' }]);
      assert.equal((await store.unacknowledged('kept')).length, 1);
      assert.deepEqual(await store.reclaim('Gate@1', []), []);
    });

    it('tells pushes that were never sent from those that were, once', async () => {
      await store.open(session('s1', 'a'), 'Gate@1', KEEP_MS);
      await store.keep('s1', { topic: 't', body: Buffer.from('sent'), qos: 1 }, 10);
      await store.release('s1', 'Gate@1', KEEP_MS);
      await store.keep('s1', { topic: 't', body: Buffer.from('new'), qos: 1, retain: true }, 10);
      await store.open(session('s2', 'a'), 'Gate@2', KEEP_MS);
      const waiting = async () => (await store.unacknowledged('s1')).map(({ id, state, retain }) => [id, state, retain ?? false]);
      assert.deepEqual(await waiting(), [[1, 'sent', false], [2, 'new', true]]);
      assert.deepEqual(await waiting(), [[1, 'sent', false], [2, 'sent', true]]);
    });

    it('forgets the body of a push of QoS 2 that the client has, and keeps its id until it is acknowledged', async () => {
      await store.open(session('s1', 'a'), 'Gate@1', KEEP_MS);
      for (const text of ['a', 'b']) await store.keep('s1', { topic: 't', body: Buffer.from(text), qos: 2 }, 10);
      await store.pushReceived('s1', 1);
      await store.pushReceived('s1', 77);
      assert.deepEqual((await store.unacknowledged('s1')).map(({ id, topic, body, qos, state }) => [id, topic, body.length, qos, state]), [[1, '', 0, 2, 'received'], [2, 't', 1, 2, 'sent']]);
      await store.acknowledge('s1', 1);
      assert.deepEqual((await store.unacknowledged('s1')).map(({ id }) => id), [2]);
    });

    it('keeps what is published for the subscriptions of sessions that are kept, connected or away', async () => {
      for (const [id, client, gate] of [['s1', 'a', 'Gate@1'], ['s2', 'b', 'Gate@2'], ['s3', 'c', 'Gate@1']] as const) await store.open(session(id, client), gate, KEEP_MS);
      await store.save('s1', { subscriptions: { 'room/+/x': 1, 'room/#': 2 } });
      await store.save('s2', { subscriptions: { 'room/1/x': 1, '+/2': 0 } });
      await store.save('s3', { subscriptions: { '#': 2, __proto__x: 1 } });
      await store.release('s3', 'Gate@1', KEEP_MS);
      const publish = async (topic: string, qos: 1 | 2) => {
        const found = await store.publish({ topic, body: Buffer.from(topic), qos }, 3);
        return found.map(({ sessionId, gateId, push }) => [sessionId, gateId, push?.id, push?.qos]).sort();
      };
      assert.deepEqual(await publish('room/1/x', 2), [['s1', 'Gate@1', 1, 2], ['s2', 'Gate@2', 1, 1], ['s3', undefined, 1, 2]]);
      assert.deepEqual(await publish('room', 1), [['s1', 'Gate@1', 2, 1], ['s3', undefined, 2, 1]]);
      // Granted with QoS 0: not kept. Wildcards do not reach topics that begin with $.
      assert.deepEqual(await publish('any/2', 1), [['s3', undefined, 3, 1]]);
      assert.deepEqual(await publish('$SYS/x', 1), []);
      assert.deepEqual(await publish('room/1/x', 1), [['s1', 'Gate@1', 3, 1], ['s2', 'Gate@2', 2, 1], ['s3', undefined, undefined, undefined]]);
      assert.deepEqual((await store.unacknowledged('s3')).map(({ topic, body, qos, state }) => [topic, Buffer.from(body).toString(), qos, state]), [['room/1/x', 'room/1/x', 2, 'new'], ['room', 'room', 1, 'new'], ['any/2', 'any/2', 1, 'new']]);
      // Unsubscribed, begun anew, forgotten.
      await store.save('s2', { subscriptions: { 'room/1/y': 1 } });
      await store.open(session('s4', 'c'), 'Gate@1', 0);
      await store.release('s1', 'Gate@1', 0);
      assert.deepEqual([await publish('room/1/x', 1), await publish('room/1/y', 1)], [[], [['s2', 'Gate@2', 3, 1]]]);
    });

    it('knows messages of QoS 2 that a client sends again, until it releases them', async () => {
      await store.open(session('s1', 'a'), 'Gate@1', KEEP_MS);
      const receiving = (id: number, gate = 'Gate@1') => store.receiving('s1', id, gate, 2);
      assert.deepEqual([await receiving(1), await receiving(1), await receiving(1, 'Gate@2')], ['new', 'known', 'known']);
      await store.received('s1', 1);
      assert.deepEqual([await receiving(1, 'Gate@2'), await receiving(2, 'Gate@gone'), await receiving(3)], ['known', 'new', 'full']);
      // The gate that was about to handle it is dead: nobody knows whether it did.
      assert.equal(await receiving(2), 'new');
      await store.open(session('s2', 'a'), 'Gate@2', KEEP_MS);
      assert.equal(await receiving(1, 'Gate@2'), 'known');
      await store.released('s1', 1);
      await store.received('s1', 1);
      assert.deepEqual([await receiving(1, 'Gate@2'), await receiving(3)], ['new', 'full']);
      await store.open(session('s3', 'a'), 'Gate@2', 0);
      assert.equal(await store.receiving('s3', 2, 'Gate@2', 2), 'new');
    });

    it('keeps retained messages until an empty one comes', async () => {
      const retain = (topic: string, body: Uint8Array, qos: 0 | 1 = 0) => store.retain({ topic, body, qos }, { messages: 10, bytes: 1000 });
      await retain('a', Buffer.from([0, 255]), 1);
      await retain('b', Buffer.from('b'));
      assert.deepEqual([(await store.retained('b')).length, (await store.retained('c')).length, (await store.retained()).length], [1, 0, 2]);
      await retain('b', Buffer.alloc(0));
      assert.deepEqual((await store.retained()).map(({ topic, body, qos }) => [topic, [...body], qos]), [['a', [0, 255], 1]]);
    });

    it('retains no more messages and bytes than it may', async () => {
      const retain = (topic: string, length: number) => store.retain({ topic, body: Buffer.alloc(length, 1), qos: 0 }, { messages: 2, bytes: 1000 });
      assert.deepEqual([await retain('a', 100), await retain('b', 100), await retain('c', 1), await retain('a', 2000)], [true, true, false, false]);
      assert.deepEqual((await store.retained('a')).map(({ body }) => body.length), [100]);
      await retain('b', 0);
      assert.deepEqual([await retain('b', 2000), await retain('a', 300), await retain('b', 100)], [false, true, true]);
      await retain('a', 0);
      await retain('b', 0);
      assert.deepEqual([await retain('c', 400), (await store.retained()).length], [true, 1]);
    });

    it('leaves a group', async () => {
      await store.open(session('s1', 'a'), 'Gate@1', 0);
      await store.join('hall', 's1');
      await store.join('yard', 's1');
      await store.leave('hall', 's1');
      assert.deepEqual([await store.members('hall'), (await store.members('yard')).length, await store.members('none')], [[], 1, []]);
    });
  });
}

function session(sessionId: string, clientId: string): StoredSession {
  return { sessionId, clientId, userId: '', settings: {}, subscriptions: {} };
}
