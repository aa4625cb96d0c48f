import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import { PatternRoutes } from '../../../lib/microservices/pattern-route.js';

function routes(...added: [path: string, callback: string, isEvent?: boolean, extras?: object][]): PatternRoutes<string> {
  const all = new PatternRoutes<string>();
  for (const [path, callback, isEvent = false, extras = {}] of added) all.add(path, callback, isEvent, extras);
  return all;
}

describe('PatternRoutes', () => {
  it('has one route for each pattern, in order, with all event handlers of it', () => {
    const found = routes(['b', 'b1', true], ['a', 'a1'], ['b', 'b2', true]).routes({});
    assert.deepEqual(
      found.map(({ path, handlers, origin }) => [path, origin, ...handlers.map(({ callback }) => callback)]),
      [
        ['b', "@EventPattern('b')", 'b1', 'b2'],
        ['a', "@MessagePattern('a')", 'a1'],
      ],
    );
  });

  it('extras win over defaults, the first handler of an event over the next', () => {
    const [plain, own, event] = routes(
      ['plain', 'x', false, { other: 'library' }],
      ['own', 'x', false, { anthill: { concurrent: 3 } }],
      ['event', '1', true, { anthill: { queue: 1 } }],
      ['event', '2', true, { anthill: { queue: 2, lane: 'second' } }],
    ).routes({ concurrent: true, queue: 9 });
    assert.deepEqual(plain!.options, { concurrent: true, queue: 9 });
    assert.deepEqual(own!.options, { concurrent: 3, queue: 9 });
    assert.deepEqual(event!.options, { concurrent: true, queue: 1, lane: 'second' });
  });

  it('says every mistake at once', () => {
    const wrong = routes(['twice', '1'], ['twice', '2'], ['mixed', '1'], ['mixed', '2', true], ['', 'x'], ['typo', 'x', false, { anthill: { quue: 1 } }]);
    assert.throws(
      () => wrong.routes({}),
      (error) => {
        assert.ok(error instanceof BootError);
        const messages = error.mistakes.map(({ reason, message }) => `${reason} ${message}`);
        assert.equal(messages.length, 4);
        assert.match(messages[0]!, /^DUPLICATE_HANDLER 2 @MessagePattern handlers share the pattern 'twice'.*different patterns/);
        assert.match(messages[1]!, /^DUPLICATE_HANDLER a @MessagePattern and an @EventPattern share the pattern 'mixed'/);
        assert.match(messages[2]!, /^HANDLER_OPTIONS .*must be a text that callers can name/);
        assert.match(messages[3]!, /^HANDLER_OPTIONS .*no option "quue".*queue/);
        return true;
      },
    );
  });
});
