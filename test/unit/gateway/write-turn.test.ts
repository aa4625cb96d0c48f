import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { WriteTurn } from '../../../lib/gateway/gate/listen/write-turn.js';

/** Takes everything at once, and notes what came together. */
class Wire extends Writable {
  readonly writes: string[] = [];
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk.toString());
    done();
  }
  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk)).toString());
    done();
  }
}

describe('a turn of writes', () => {
  const say = (writes: WriteTurn, wire: Wire, text: string): void => {
    writes.hold(wire);
    wire.write(text);
  };

  it('sends what one socket is told as one, at the end of the turn', async () => {
    const writes = new WriteTurn();
    const [a, b] = [new Wire(), new Wire()];
    say(writes, a, '1');
    say(writes, b, '2');
    await Promise.resolve();
    say(writes, a, '3');
    assert.deepEqual([a.writes, b.writes], [[], []]);
    await turn();
    assert.deepEqual([a.writes, b.writes], [['13'], ['2']]);
    say(writes, a, '4');
    await turn();
    assert.deepEqual(a.writes, ['13', '4']);
  });

  it('does not let much wait, so that it does not look like a reader who is slow', async () => {
    const writes = new WriteTurn();
    const wire = new Wire();
    const many = 'x'.repeat(10_000);
    for (let i = 0; i < 100; i++) {
      say(writes, wire, many);
      assert.ok(wire.writableLength < 80_000, `${wire.writableLength} bytes wait`);
    }
    await turn();
    assert.equal(wire.writes.join('').length, 1_000_000);
  });

  it('ends with what was said', async () => {
    const writes = new WriteTurn();
    const wire = new Wire();
    say(writes, wire, 'bye');
    wire.end();
    assert.deepEqual(wire.writes, ['bye']);
    await turn();
    assert.deepEqual(wire.writes, ['bye']);
  });
});
