import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';
import type { Clock } from '../common/clock.js';
import type { RedisConfig } from '../config/redis-section.js';
import { reasonOf } from './redis-errors.js';
import type { RedisClient } from './redis-vendor.js';

export interface ProbeOptions {
  readonly clock: Clock;
  readonly config: Pick<RedisConfig, 'probeIntervalMs' | 'probeTimeoutMs'>;
  /** A command that waits holds the connection: PING would wait behind it. */
  readonly isBlocked: () => boolean;
  readonly down: (why: string) => void;
  readonly up: () => void;
}

/**
 * Asks a connected client PING now and then, with a deadline of its own: a server that has stalled, or a link that swallows everything, looks connected.
 * After two probes without an answer the connection is cut, so that commands fail at once until a new one answers.
 */
export class RedisProbe {
  private cancel: (() => void) | undefined;
  private failed = 0;

  constructor(
    private readonly client: RedisClient,
    private readonly options: ProbeOptions,
  ) {}

  /** Once the client is ready. */
  start(): void {
    this.failed = 0;
    this.plan(this.options.config.probeIntervalMs);
  }

  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  /** Ends the connections without a goodbye: a peer that is silent would not answer one. */
  cut(): void {
    for (const node of this.connections()) (node as unknown as { stream?: Socket }).stream?.destroy();
  }

  private plan(ms: number): void {
    this.stop();
    if (ms > 0) this.cancel = this.options.clock.after(ms, () => void this.ask());
  }

  private async ask(): Promise<void> {
    const { clock, config, isBlocked, down, up } = this.options;
    const { probeIntervalMs, probeTimeoutMs } = config;
    if (this.client.status !== 'ready') return;
    if (isBlocked()) return this.plan(probeIntervalMs);
    let cancel = (): void => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(probeTimeoutMs, () => reject(new Error(`no answer to PING within ${probeTimeoutMs} ms`)));
    });
    try {
      await Promise.race([Promise.all(this.connections().map((node) => node.ping())), late]);
      if (this.failed > 0) up();
      this.failed = 0;
    } catch (error) {
      // While it was asked the connection went, which is told already.
      if (this.client.status !== 'ready') return;
      this.failed++;
      down(reasonOf(error));
      if (this.failed > 1) this.cut();
    } finally {
      cancel();
    }
    if (this.client.status === 'ready') this.plan(this.failed > 0 ? 1 : probeIntervalMs);
  }

  private connections(): Redis[] {
    return this.client.isCluster ? (this.client as { nodes(role: 'master'): Redis[] }).nodes('master') : [this.client as Redis];
  }
}
