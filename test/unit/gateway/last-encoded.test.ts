import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LastEncoded } from '../../../lib/gateway/gate/last-encoded.js';
import { publish } from '../../../lib/gateway/gate/mqtt/server-packet.js';

describe('the last message that was encoded', () => {
  it('is not encoded again for the next client, and another one is', () => {
    let count = 0;
    const last = new LastEncoded((message) => (count++, publish(message)));
    const first = { topic: 't', body: Buffer.from('a'), qos: 0 } as const;
    const second = { topic: 't', body: Buffer.from('b'), qos: 0 } as const;
    const bytes = last.of(first);
    assert.equal(last.of(first), bytes);
    assert.equal(count, 1);
    assert.equal(Buffer.from(last.of(second)).toString('latin1'), '0\x04\0\x01tb');
    assert.equal(Buffer.from(last.of(first)).toString('latin1'), '0\x04\0\x01ta');
    assert.equal(count, 3);
  });
});
