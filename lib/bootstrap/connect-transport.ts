import { Backoff } from '../common/backoff.js';
import { BootError } from '../common/boot-error.js';
import { sleep, type Clock, type RandomSource } from '../common/clock.js';
import type { Logger } from '../common/logger.js';
import type { Transport } from '../rpc/transport.js';

/** What connects, and what it takes. */
export interface ConnectingApp {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}

/**
 * Tries until the transport is there: a service that starts before its bus waits for it, saying so.
 * @param failFast the first refusal is thrown
 */
export async function connectTransport({ transport, clock, random, logger }: ConnectingApp, failFast: boolean, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff(clock, random, { baseMs: 200, maxMs: 5000 });
  for (let attempt = 1; ; attempt++) {
    try {
      return await transport.connect(signal);
    } catch (error) {
      // A missing package stays missing.
      if (failFast || signal.aborted || error instanceof BootError) throw error;
      // The first few, then one line in eight: an outage of hours must not fill a disk.
      if (attempt <= 3 || attempt % 8 === 0) logger.warn(`${(error as Error).message}; trying again`, { attempt });
      // Kept alive: with nothing connected yet, nothing else holds the process.
      await sleep(clock, backoff.next(), signal, true);
      signal.throwIfAborted();
    }
  }
}
