import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeWith } from '../services/index.js';
import { addrOf, assertNoFailures, faultRig, figure, quantile, reasons } from './rig.js';

/** What a caller is told: code, reason, and words of the message. */
const expected: readonly (readonly [path: string, args: readonly unknown[], code: string, reason: string, words: RegExp])[] = [
  ['/throws', [], 'INTERNAL', 'HANDLER_FAILED', /echo|evil/],
  ['/rejects', [], 'INTERNAL', 'HANDLER_FAILED', /evil/],
  ['/throws-nothing', [], 'INTERNAL', 'HANDLER_FAILED', /evil/],
  ['/throws-trap', [], 'INTERNAL', 'HANDLER_FAILED', /evil/],
  ['/hangs', [], 'DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', /within 1000 ms|before its deadline/],
  ['/hangs-serial', [], 'DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', /within 1000 ms|before its deadline/],
  ['/cycle', [], 'INTERNAL', 'REPLY_UNENCODABLE', /evil@\w+ \/cycle .*(cycl|itself|deep|nest)/i],
  ['/function', [], 'INTERNAL', 'REPLY_UNENCODABLE', /evil@\w+ \/function .*function/],
  ['/bigint', [], 'INTERNAL', 'REPLY_UNENCODABLE', /evil@\w+ \/bigint .*(64|range|1208925819614629174706176)/],
  ['/symbol', [], 'INTERNAL', 'REPLY_UNENCODABLE', /evil@\w+ \/symbol .*symbol/i],
  ['/deep', [], 'INTERNAL', 'REPLY_UNENCODABLE', /evil@\w+ \/deep .*(deep|nest|levels)/i],
  ['/getter', [], 'INTERNAL', 'REPLY_UNENCODABLE', /evil@\w+ \/getter .*no value/],
  ['/large', [50 * 1024 * 1024], 'RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE', /bytes, more than the 1048576/],
  ['/nothing-here', [], 'NOT_FOUND', 'HANDLER_NOT_FOUND', /nothing-here/],
];

describeWith('handlers that do what handlers must not', ['nats-server', 'consul'], () => {
  const rig = faultRig();

  for (const wire of ['anthill/1', 'mqant']) {
    it(`over ${wire}: each gives its caller a clear error, and nobody else notices`, async () => {
      const [nats, consul] = await Promise.all([rig.nats(), rig.consul()]);
      const plan = { nats: nats.url, consul: addrOf(consul), wires: [wire] };
      const [caller, neighbour, node] = await Promise.all([
        rig.start({ ...plan, name: 'caller', services: [] }),
        rig.start({ ...plan, name: 'neighbour', services: [] }),
        rig.start({ ...plan, name: 'node', services: ['evil'] }),
      ]);
      await neighbour.load({ target: 'evil', perSecond: 100, timeoutMs: 3000, calls: [['/echo', 'x']] });
      for (let round = 0; round < 3; round++) {
        const outcomes = await Promise.all(expected.map(([path, args]) => caller.call('evil', path, args, 1000)));
        for (const [index, { record, value }] of outcomes.entries()) {
          const [path, , code, reason, words] = expected[index]!;
          assert.ok(record.error, `${path} gave ${JSON.stringify(value)}`);
          assert.ok(!record.error.message.includes('hunter2') && !/\bat .*\.[jt]s:\d+/.test(record.error.message), record.error.message);
          // This wire has no codes: what it carries is text.
          if (wire === 'mqant' && reason !== 'DEADLINE_EXCEEDED') continue;
          assert.deepEqual([record.error.code, record.error.reason], [code, reason], `${path}: ${reasons([record])}`);
          assert.match(record.error.message, words, path);
        }
        const thenable = await caller.call('evil', '/thenable', [], 1000);
        assert.equal(thenable.value, 'once', reasons([thenable.record]));
      }
      // The lane of the one that hangs has moved on. Over mqant handlers have no deadline (docs/mqant-wire.md).
      const serial = await caller.call('evil', '/serial', [], 5000);
      if (wire === 'anthill/1') assert.equal(serial.value, 'my turn', reasons([serial.record]));
      // A caller's own 50 MB never leave it.
      const large = await caller.call('evil', '/echo', ['x'.repeat(50 * 1024 * 1024)], 5000);
      assert.equal(large.record.error?.reason, 'PAYLOAD_TOO_LARGE', reasons([large.record]));
      const records = await neighbour.ask({ do: 'unload' });
      figure(`${wire}: ${records.length} calls of a neighbour beside bad handlers, longest ${quantile(records, 1).toFixed(0)} ms`);
      assertNoFailures(records, 'a neighbour');
      assert.ok(records.length > 200);
      assert.ok((await node.ask({ do: 'health' })).ready);
      assert.ok(node.log.some((line) => line.includes('hunter2')), 'the log has not what was thrown');
    });
  }
});
