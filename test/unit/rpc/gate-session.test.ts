import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SessionLink, SessionState } from '../../../lib/common/session.js';
import { bodyBytes, GateSession, sessionOf } from '../../../lib/rpc/gate-session.js';
import { decodeSession, encodeSession } from '../../../lib/rpc/session-bytes.js';

const state: SessionState = {
  ip: '1.2.3.4',
  network: 'tcp',
  userId: '',
  sessionId: '00000000000000aa',
  serverId: 'Gate@00000000000000bb',
  traceId: '',
  spanId: '',
  topic: 'a/HD_b/1',
  settings: { k: 'v' },
};
/** Made by mqant v1.5.3 (gate/base/session.proto). */
const vector = '0a07312e322e332e3412037463702210303030303030303030303030303061612a1547617465403030303030303030303030303030626242060a016b1201765208612f48445f622f31';

/** Notes what is asked and answers with what it is told to. */
class Gate implements SessionLink {
  readonly asked: { fn: string; args: readonly unknown[]; noReply: boolean; sessionId: string }[] = [];
  constructor(private readonly answer: unknown = null) {}

  async call(session: SessionState, fn: string, args: readonly unknown[], noReply: boolean): Promise<unknown> {
    this.asked.push({ fn, args, noReply, sessionId: session.sessionId });
    return this.answer;
  }
}

describe('gate sessions', () => {
  it('have the bytes of mqant', () => {
    assert.equal(Buffer.from(encodeSession(state)).toString('hex'), vector);
    const read = decodeSession(Buffer.from(vector, 'hex'));
    assert.deepEqual({ ...read, settings: { ...read.settings } }, state);
  });

  it('survive __proto__ as a setting, unknown fields, and refuse bytes that end early', () => {
    const odd = { ...state, settings: JSON.parse('{"__proto__":"x"}') as Record<string, string> };
    const read = decodeSession(encodeSession(odd));
    assert.equal(Object.hasOwn(read.settings, '__proto__'), true);
    assert.equal(({} as { x?: string }).x, undefined);
    const withUnknown = Buffer.concat([Buffer.from('7801', 'hex'), encodeSession(state)]);
    assert.equal(decodeSession(withUnknown).sessionId, state.sessionId);
    const bytes = encodeSession(state);
    assert.throws(() => decodeSession(bytes.subarray(0, bytes.length - 3)), /ends early|needs/);
    assert.throws(() => decodeSession(Buffer.from('0aff', 'hex')), /ends early/);
  });

  it('carry what the gate has judged of guests, and are what mqant reads', () => {
    for (const guest of [true, false]) {
      const bytes = encodeSession({ ...state, guest });
      assert.equal(decodeSession(bytes).guest, guest);
      assert.equal(sessionOf(bytes, undefined).isGuest, guest);
      // The map `Carrier`, which mqant knows and does not use.
      assert.ok(Buffer.from(bytes).toString('hex').includes(`4a0a0a05${Buffer.from('guest').toString('hex')}1201${guest ? '31' : '30'}`));
    }
    assert.equal(sessionOf(encodeSession(state), undefined).isGuest, true);
  });

  it('carry texts of any length and alphabet', () => {
    const long = { ...state, topic: 'ü'.repeat(300), userId: '用户', settings: { [`k${'é'.repeat(100)}`]: '值'.repeat(20_000), empty: '' } };
    const read = decodeSession(encodeSession(long));
    assert.deepEqual({ ...read, settings: { ...read.settings } }, long);
  });

  it('copied share nothing that changes', async () => {
    const gate = new Gate(GateSession.of({ ...state, userId: 'u1' }));
    const session = GateSession.of(state, gate);
    const copy = session.copy();
    await session.bind('u1');
    assert.deepEqual([session.userId, copy.userId, copy.get('k'), copy.topic], ['u1', '', 'v', 'a/HD_b/1']);
    assert.throws(() => ((copy.settings as Record<string, string>)['k'] = 'x'), TypeError);
    await assert.rejects(copy.bind('u2'), /NO_SESSION|came from no client/);
  });

  it('ask the gate, and take over what it says', async () => {
    const bound = GateSession.of({ ...state, userId: 'u1', topic: '', settings: { k: 'v', level: '3' } });
    const gate = new Gate(bound);
    const session = sessionOf(encodeSession(state), gate);
    assert.equal(session.isGuest, true);
    await session.bind('u1');
    assert.deepEqual([session.userId, session.get('level'), session.topic, session.isGuest], ['u1', '3', 'a/HD_b/1', false]);
    await session.setBatch({ a: '1' });
    await session.push();
    await session.sendNR('t', { hello: 1 });
    assert.deepEqual(
      gate.asked.map(({ fn, args, noReply }) => [fn, args.map((arg) => (arg instanceof Uint8Array ? Buffer.from(arg).toString() : arg)), noReply]),
      [
        ['Bind', ['u1'], false],
        ['Push', [{ a: '1' }], false],
        ['Push', [{ k: 'v', level: '3' }], false],
        ['Send', ['t', '{"hello":1}'], true],
      ],
    );
  });

  it('of a gate that answers nothing stay as they are', async () => {
    const session = sessionOf(encodeSession(state), new Gate(null));
    await session.set('x', 'y');
    assert.equal(session.get('x'), undefined);
    assert.equal(session.get('toString'), undefined);
    assert.equal(await session.isConnected('u'), false);
  });

  it('count a batch, which names all of them', async () => {
    const gate = new Gate(2);
    assert.equal(await sessionOf(encodeSession(state), gate).sendBatch(['a', 'b'], 't', 'x'), 2);
    assert.equal(gate.asked[0]?.sessionId, 'a,b');
  });

  it('of a call that came from no client say so', async () => {
    await assert.rejects(sessionOf(null, new Gate()).send('t', 'x'), { code: 'FAILED_PRECONDITION', reason: 'NO_SESSION' });
  });

  it('send texts as UTF-8 and bytes as they are', () => {
    const bytes = new Uint8Array([1, 2]);
    assert.equal(bodyBytes(bytes), bytes);
    assert.equal(Buffer.from(bodyBytes('说')).toString(), '说');
    assert.equal(Buffer.from(bodyBytes(null)).toString(), 'null');
  });
});
