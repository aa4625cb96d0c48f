import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import type { CallOutcome, OutcomeError } from '../../../lib/common/selection.js';
import type { OutlierDetectionOptions } from '../../../lib/common/discovery-options.js';
import { random as randomSelector } from '../../../lib/selector/random.selector.js';
import { settle } from '../registry/fake-clock.js';
import { seeded } from '../rpc/support.js';
import { good, node, setUp } from './directory-rig.js';

const five = ['a', 'b', 'c', 'd', 'e'].map((id) => node(id));
const failing = (code: OutcomeError['code'], reason: string = code, remote = true): CallOutcome => ({ ok: code !== 'UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED', latencyMs: 5, error: { code, reason, remote } });
const unavailable = failing('UNAVAILABLE');

function rig(options: OutlierDetectionOptions = {}, nodes = five, panicThreshold?: number) {
  const lines: string[] = [];
  const log = (message: string) => void lines.push(message);
  const logger = { debug: log, info: log, warn: log, error: log };
  const base = setUp(nodes, { logger, outlierDetection: { consecutiveFailures: 3, ...options }, ...(panicThreshold !== undefined && { panicThreshold }) });
  /** Calls to one node, each with this outcome. */
  const calls = async (id: string, outcome: CallOutcome, times = 1) => {
    for (let i = 0; i < times; i++) (await base.pick(`a@${id}`)).done(outcome);
  };
  const eject = (...ids: string[]) => Promise.all(ids.map((id) => calls(id, unavailable, 3)));
  /** Picks until one of this node comes, whose outcome is left open. */
  const pickOf = async (id: string) => {
    for (let i = 0; i < 20; i++) {
      const picked = await base.pick();
      if (picked.node.id === `a@${id}`) return picked;
      picked.done(good);
    }
    return assert.fail(`${id} is not picked`);
  };
  return { ...base, lines, calls, eject, pickOf };
}

describe('outliers', () => {
  it('are left out after so many failures in a row, and not before', async () => {
    const { calls, distinct, directory, lines } = rig();
    await calls('b', unavailable, 2);
    await calls('b', good);
    await calls('b', unavailable, 2);
    assert.equal(await distinct(), 'abcde');
    await calls('b', unavailable);
    assert.equal(await distinct(), 'acde');
    assert.deepEqual([directory.counters.ejected, directory.counters.ejections], [1, 1]);
    assert.deepEqual(lines, ['a@b is ejected for 5000 ms: its calls fail one after the other, the last with UNAVAILABLE (UNAVAILABLE)']);
    directory.close();
  });

  it('come back by themselves: one call tries, and no other before it is answered', async () => {
    const { calls, distinct, eject, clock, directory, pickOf, lines } = rig();
    await eject('b');
    await clock.advance(4999);
    assert.equal(await distinct(), 'acde');
    await clock.advance(1);
    const trial = await pickOf('b');
    assert.equal(await distinct(), 'acde', 'the trial is under way');
    trial.done(good);
    assert.equal(await distinct(), 'abcde');
    assert.equal(directory.counters.ejected, 0);
    assert.match(lines[1]!, /a@b is back/);
    await calls('b', good);
    directory.close();
  });

  it('stay out longer each time that they fail again, up to a limit', async () => {
    const { eject, distinct, clock, directory, pickOf } = rig();
    await eject('b');
    for (const ms of [5000, 10_000, 15_000, 15_000]) {
      await clock.advance(ms - 1);
      assert.equal(await distinct(), 'acde', `out for ${ms} ms`);
      await clock.advance(1);
      (await pickOf('b')).done(unavailable);
    }
    directory.close();
  });

  it('need one failure only while they have not proved themselves again', async () => {
    const { eject, calls, distinct, clock, directory, pickOf } = rig();
    await eject('b');
    await clock.advance(5000);
    (await pickOf('b')).done(good);
    await calls('b', good);
    await calls('b', unavailable);
    assert.equal(await distinct(), 'acde', 'two calls went well, and three would have had to');
    await clock.advance(10_000);
    (await pickOf('b')).done(good);
    await calls('b', good, 2);
    await calls('b', unavailable, 2);
    assert.equal(await distinct(), 'abcde', 'now it takes three again');
    directory.close();
  });

  it('start over when they have stayed in for the longest ejection', async () => {
    const { eject, calls, distinct, clock, directory, pickOf } = rig({ maxEjectionMs: 20_000 });
    const comeBack = async (afterMs: number) => {
      await clock.advance(afterMs);
      (await pickOf('b')).done(good);
      await calls('b', good, 3);
    };
    await eject('b');
    await comeBack(5000);
    await clock.advance(19_000);
    await calls('b', good);
    await eject('b');
    await clock.advance(9999);
    assert.equal(await distinct(), 'acde', 'the second in a row takes twice as long');
    await comeBack(1);
    await clock.advance(20_000);
    await calls('b', good);
    await eject('b');
    await clock.advance(5000);
    (await pickOf('b')).done(good);
    directory.close();
  });

  it('are told by what speaks against a node, and by nothing else', async () => {
    const against: CallOutcome[] = [unavailable, failing('INTERNAL', 'HANDLER_FAILED'), failing('DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', false), failing('UNAVAILABLE', 'NODE_UNREACHABLE', false)];
    const notAgainst: CallOutcome[] = [
      ...(['INVALID_ARGUMENT', 'NOT_FOUND', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'UNIMPLEMENTED', 'UNKNOWN'] as const).map((code) => failing(code)),
      failing('CANCELLED', 'ABORTED_BY_CALLER', false),
      failing('UNAVAILABLE', 'TRANSPORT_DOWN', false),
      failing('INTERNAL', 'REPLY_TYPE', false),
    ];
    for (const [outcomes, expected] of [[against, 'acde'], [notAgainst, 'abcde']] as const) {
      for (const outcome of outcomes) {
        const { calls, distinct, directory } = rig();
        await calls('b', outcome, 10);
        assert.equal(await distinct(), expected, JSON.stringify(outcome.error));
        directory.close();
      }
    }
  });

  it('are told by the codes that were chosen', async () => {
    const { calls, distinct, directory } = rig({ codes: ['RESOURCE_EXHAUSTED'] });
    await calls('b', unavailable, 5);
    await calls('c', failing('RESOURCE_EXHAUSTED'), 3);
    assert.equal(await distinct(), 'abde');
    directory.close();
  });

  it('have their failures forgotten by an answer, errors of the caller’s making included, and by nothing that never reached them', async () => {
    const { calls, distinct, directory } = rig();
    await calls('b', unavailable, 2);
    await calls('b', failing('INVALID_ARGUMENT'));
    await calls('b', unavailable, 2);
    assert.equal(await distinct(), 'abcde');
    await calls('b', failing('CANCELLED', 'ABORTED_BY_CALLER', false));
    await calls('b', { ok: true, latencyMs: 0 });
    await calls('b', unavailable);
    assert.equal(await distinct(), 'acde');
    directory.close();
  });

  it('are not tried by a call that proves nothing', async () => {
    const { eject, distinct, clock, directory, pickOf } = rig();
    await eject('b');
    await clock.advance(5000);
    (await pickOf('b')).done(failing('CANCELLED', 'ABORTED_BY_CALLER', false));
    const again = await pickOf('b');
    assert.equal(await distinct(), 'acde');
    again.done(good);
    assert.equal(await distinct(), 'abcde');
    directory.close();
  });

  it('are tried by another call when the first one never ends', async () => {
    const { eject, distinct, clock, directory, pickOf } = rig();
    await eject('b');
    await clock.advance(5000);
    await pickOf('b');
    await clock.advance(14_999);
    assert.equal(await distinct(), 'acde');
    await clock.advance(1);
    await pickOf('b');
    directory.close();
  });

  it('do not care for calls from before their ejection', async () => {
    const { eject, pick, distinct, clock, directory, pickOf } = rig();
    const early = [await pick('a@b'), await pick('a@b')];
    await eject('b');
    early[0]!.done(good);
    early[1]!.done(unavailable);
    assert.equal(await distinct(), 'acde');
    await clock.advance(5000);
    (await pickOf('b')).done(good);
    directory.close();
  });

  it('are never more than the given share at a time, but one always may be', async () => {
    const { eject, distinct, clock, directory, pickOf } = rig({ maxEjectionPercent: 40 });
    await eject('a', 'b', 'c');
    assert.equal(await distinct(), 'cde');
    await clock.advance(5000);
    (await pickOf('a')).done(good);
    await eject('c');
    assert.equal(await distinct(), 'abde', 'there is room now');
    directory.close();
    const two = rig({ maxEjectionPercent: 0 }, [node('x'), node('y')]);
    await two.eject('x', 'y');
    assert.equal(await two.distinct(), 'y');
    two.directory.close();
  });

  it('are all used when fewer than the panic threshold would be left', async () => {
    const { eject, distinct, directory } = rig({ maxEjectionPercent: 100 });
    await eject('a', 'b');
    assert.equal(await distinct(), 'cde');
    await eject('c');
    assert.equal(await distinct(), 'abcde', 'two of five are less than a half');
    directory.close();
    const calm = rig({ maxEjectionPercent: 100 }, five, 0);
    await calm.eject('a', 'b', 'c', 'd');
    assert.equal(await calm.distinct(), 'e');
    await calm.eject('e');
    assert.equal(await calm.distinct(), 'abcde', 'none is never the answer');
    calm.directory.close();
  });

  it('count together with unreachable nodes, which panic does not bring back', async () => {
    const { eject, distinct, directory, pick } = rig({ maxEjectionPercent: 100 });
    for (const id of ['d', 'e']) directory.markUnreachable((await pick(`a@${id}`)).node);
    await eject('a');
    assert.equal(await distinct(), 'abc', 'two of five are left: the ejection is ignored, the dead stay dead');
    directory.close();
  });

  it('are new nodes when the registry says something new of them', async () => {
    const { eject, distinct, directory, discovery, pick } = rig();
    const old = await pick('a@b');
    await eject('b');
    discovery.set('a', five.map((each) => (each.address === 'b' ? node('b', { metadata: { pid: '2' } }) : each)));
    await settle();
    assert.equal(await distinct(), 'abcde');
    for (let i = 0; i < 3; i++) old.done(unavailable);
    assert.equal(directory.counters.ejected, 0);
    directory.close();
  });

  it('are nobody when detection is off, as it is by default', async () => {
    const { pick, distinct, directory } = setUp(five);
    for (let i = 0; i < 50; i++) (await pick('a@b')).done(unavailable);
    assert.equal(await distinct(), 'abcde');
    directory.close();
  });

  it('need successes told only while somebody has failed', async () => {
    const { pick, calls, directory } = rig();
    assert.equal((await pick()).wantsOutcome, false);
    await calls('b', unavailable);
    assert.equal((await pick()).wantsOutcome, true);
    await calls('b', good);
    assert.equal((await pick()).wantsOutcome, false);
    directory.close();
  });

  it('cost few calls: one of three nodes fails every second call for half a minute (F04)', async () => {
    const random = seeded(7);
    const { pick, clock, directory } = rig({ consecutiveFailures: 5 }, [node('a'), node('b'), node('c')]);
    const selector = randomSelector({ next: random, hex: () => '' });
    const [startsAt, stopsAt, endsAt] = [10_000, 40_000, 60_000];
    let failures = 0;
    let ejectedAt: number | undefined;
    let backAt: number | undefined;
    // 200 calls per second.
    for (let at = 0; at < endsAt; at += 5) {
      if (at % 50 === 0) await clock.advance(50);
      const picked = await pick('a', { selector });
      const isBad = picked.node.address === 'b' && at >= startsAt && at < stopsAt && random() < 0.5;
      if (isBad) failures++;
      picked.done(isBad ? unavailable : good);
      if (ejectedAt === undefined && directory.counters.ejections > 0) ejectedAt = at;
      if (at >= stopsAt && backAt === undefined && directory.counters.ejected === 0) backAt = at;
    }
    assert.ok(ejectedAt! - startsAt <= 2000, `ejected after ${ejectedAt! - startsAt} ms`);
    assert.ok(failures <= 0.01 * (endsAt / 5), `${failures} of ${endsAt / 5} calls failed`);
    assert.ok(backAt! - stopsAt <= 15_000, `back after ${backAt! - stopsAt} ms`);
    directory.close();
  });

  it('refuse options that make no sense', () => {
    const wrong = [{ consecutiveFailures: -1 }, { consecutiveFailures: 1.5 }, { baseEjectionMs: 0 }, { maxEjectionPercent: 101 }, { codes: ['unavailable'] }, { failures: 5 }];
    for (const outlierDetection of wrong) {
      assert.throws(() => setUp([], { outlierDetection: outlierDetection as OutlierDetectionOptions }), (error) => error instanceof BootError && error.reason === 'SELECTOR_OPTIONS', JSON.stringify(outlierDetection));
    }
    assert.throws(() => setUp([], { panicThreshold: 200 }), /panicThreshold must be a number from 0 to 100, got 200/);
  });
});
