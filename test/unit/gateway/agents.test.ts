import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agentFactory } from '../../../lib/gateway/gate/agent-factory.js';
import type { AgentHost } from '../../../lib/gateway/gate/agent.js';
import type { ByteConnection } from '../../../lib/gateway/gate/connection.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

/** A connection in memory whose other end reads nothing. */
class Unread implements ByteConnection {
  readonly network = 'tcp';
  readonly remote = { address: '10.0.0.1', port: 1, secure: false, headers: {} };
  readonly ends: string[] = [];
  queuedBytes = 0;
  isOpen = true;
  constructor(readonly subprotocol: string) {}
  feed: (chunk: Uint8Array) => void = () => {};
  listen(onData: (chunk: Uint8Array) => void): void {
    this.feed = onData;
  }
  write(bytes: Uint8Array): void {
    this.queuedBytes += bytes.length;
  }
  pause(): void {}
  resume(): void {}
  end(reason: string): void {
    this.ends.push(reason);
  }
  destroy(): void {}
}

describe('agents of clients', () => {
  const settings = { connectTimeoutMs: 1000, maxPacketBytes: 1000, outboundBytes: 500, idleTimeoutMs: Infinity };
  const host = () => ({ admit: async () => ({ sessionId: 's', resumed: false }), ready() {}, alive() {}, ended() {}, receive: (_message: unknown, done: () => void) => done(), failed: assert.fail }) as unknown as AgentHost;

  const connect = Buffer.from('100e00044d5154540402000000026331', 'hex');
  for (const [name, subprotocol, hello, question] of [
    ['MQTT', 'mqtt', connect, Buffer.from('c000', 'hex')],
    ['MQTT with QoS 1', 'mqtt', connect, Buffer.from('3206000161000178', 'hex')],
    ['JSON', 'anthill.json', Buffer.from('{"connect":{}}'), Buffer.from('{"ping":1}')],
  ] as const) {
    it(`${name}: ends a connection that asks without end and reads no answer`, async () => {
      const connection = new Unread(subprotocol);
      agentFactory(new FakeClock())(connection, host(), settings).start();
      connection.feed(hello);
      await new Promise((resolve) => setImmediate(resolve));
      for (let i = 0; i < 1000; i++) connection.feed(question);
      assert.deepEqual(connection.ends, ['slow']);
      assert.ok(connection.queuedBytes > 500 && connection.queuedBytes < 600, String(connection.queuedBytes));
    });
  }
});
