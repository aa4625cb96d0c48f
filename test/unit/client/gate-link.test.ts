import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChannelEvents, ClientTransport } from '../../../lib/client/channel.js';
import { GateClient } from '../../../lib/client/gate-client.js';

/** Connections that a test ends when it likes. */
class Line implements ClientTransport {
  readonly opened: ChannelEvents[] = [];
  check(): void {}
  open(_url: string, events: ChannelEvents): { send(): void; close(): void } {
    this.opened.push(events);
    return { send: () => {}, close: () => {} };
  }
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('the connection of a client', () => {
  it('that ends at once comes back later each time, one that lasted comes back soon', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
    t.mock.method(Math, 'random', () => 1);
    const transport = new Line();
    const client = new GateClient({ url: 'mqtt://gate', transport });
    t.after(() => client.close());
    client.opened.catch(() => {});
    await turns();
    /** How long until the next try, in steps of 50 ms. */
    const wait = async (): Promise<number> => {
      const before = transport.opened.length;
      for (let ms = 0; ; ms += 50) {
        await turns();
        if (transport.opened.length > before) return ms;
        t.mock.timers.tick(50);
      }
    };
    const live = async (ms: number): Promise<void> => {
      const events = transport.opened.at(-1)!;
      events.onOpen();
      events.onMessage({ connected: { resumed: true } });
      assert.equal(client.state, 'connected');
      t.mock.timers.tick(ms);
      events.onEnd();
      assert.equal(client.state, 'waiting');
      await turns();
    };
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      await live(0);
      waits.push(await wait());
    }
    assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    await live(6000);
    assert.equal(await wait(), 100);
    // What an earlier connection tells is heard by nobody.
    transport.opened[0]!.onEnd('kicked');
    assert.equal(client.state, 'connecting');
    transport.opened.at(-1)!.onEnd('kicked');
    assert.equal(client.state, 'closed');
  });

  it('that no try can make is refused', async () => {
    const transport: ClientTransport = { check: () => {}, open: (url) => { throw new TypeError(`no ${url}`); } };
    const client = new GateClient({ url: 'odd:', transport });
    await assert.rejects(client.opened, { code: 'refused', message: /no connection to odd:: TypeError: no odd:/ });
    assert.equal(client.state, 'closed');
  });
});
