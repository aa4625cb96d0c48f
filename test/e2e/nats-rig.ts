import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:net';
import { afterEach } from 'node:test';
import { inspect } from 'node:util';
import type { CountEvent } from '../../lib/common/events.js';
import { RpcError } from '../../lib/common/rpc-error.js';
import { Observed } from '../../lib/testing/transport.probe.js';
import { nats, type NatsOptions } from '../../lib/transport/nats/index.js';
import { startNats, type NatsOptions as ServerOptions, type RunningServer } from '../services/index.js';

export interface NatsRig {
  /** Run after each test, last first. */
  readonly cleanups: (() => unknown)[];
  start(options?: ServerOptions): Promise<RunningServer>;
  /** A transport, not connected. */
  make(options: NatsOptions): Observed;
  open(options: NatsOptions): Promise<Observed>;
  /** Lets `server` listen on a free port. */
  listening(server: Server): Promise<number>;
}

/** Servers and transports that are gone after each test. Call it inside `describe`. */
export function natsRig(): NatsRig {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const make = (options: NatsOptions): Observed => {
    const observed = new Observed(nats(options));
    cleanups.push(() => observed.transport.close());
    return observed;
  };
  return {
    cleanups,
    make,
    async start(options) {
      const server = await startNats(options);
      cleanups.push(() => server.stop());
      return server;
    },
    async open(options) {
      const observed = make(options);
      await observed.transport.connect();
      return observed;
    },
    async listening(server) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanups.push(() => server.close());
      return (server.address() as { port: number }).port;
    },
  };
}

/** An error of calls with this reason, whose message has these parts, and that says that nothing was delivered. */
export function told(reason: string, ...parts: string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(RpcError.is(error), `not an RpcError: ${inspect(error)}`);
    assert.equal(error.reason, reason, error.message);
    assert.equal(error.undelivered, true);
    for (const part of parts) assert.ok(error.message.includes(part), `"${part}" is not in "${error.message}"`);
    return true;
  };
}

/** The times at which `name` was counted, as soon as there are `times` of them. */
export function counted(name: string, times: number): Promise<number[]> {
  return new Promise((resolve) => {
    const seen: number[] = [];
    const listen = (event: unknown): void => {
      if ((event as CountEvent).name !== name) return;
      seen.push(performance.now());
      if (seen.length < times) return;
      unsubscribe('anthill:count', listen);
      resolve(seen);
    };
    subscribe('anthill:count', listen);
  });
}
