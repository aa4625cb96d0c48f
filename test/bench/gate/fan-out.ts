import { performance } from 'node:perf_hooks';
import { Histogram } from '../histogram.js';
import type { Caller, FanOutLoad, Load, Measured } from '../peer.js';
import { publishPacket, wholePublish } from './mqtt-bytes.js';
import { BenchClient, openMany } from './mqtt-client.js';

const TOPIC = 'bench/all';
const LONGEST_MS = 20_000;

/** Many subscribers of one topic, and how long until the last of them has what is published once. */
export class Audience {
  private readonly begunAt = new Map<BenchClient, Buffer>();
  private left = 0;
  private onAll = (): void => {};

  private constructor(
    private readonly members: readonly BenchClient[],
    private readonly publisher: BenchClient,
    private readonly packet: Buffer,
    private readonly failed: Promise<never>,
  ) {
    // It is a member of a group itself.
    publisher.onBytes = () => {};
    for (const member of members) member.onBytes = (bytes) => this.arrived(member, bytes);
  }

  /** @param trigger the topic that sets off the fan-out; that of the subscribers, unless a service makes a push of it */
  static async open(port: number, text: string, { clients }: FanOutLoad, trigger = TOPIC): Promise<Audience> {
    let fail: (error: Error) => void;
    const failed = new Promise<never>((_, reject) => (fail = reject));
    failed.catch(() => {});
    const members = await openMany(clients, async (index) => {
      const member = await BenchClient.open(port, `member-${index}`, (error) => fail(error));
      await member.subscribe(TOPIC, 0);
      return member;
    });
    const publisher = await BenchClient.open(port, 'publisher', (error) => fail(error));
    return new Audience(members, publisher, publishPacket(trigger, Buffer.from(text)), failed);
  }

  /** Resolves when the last one has it. @throws Error when one is lost, or it takes too long */
  async once(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.left} of ${this.members.length} clients did not get a message within ${LONGEST_MS / 1000} s`)), LONGEST_MS);
    });
    const all = new Promise<void>((resolve) => (this.onAll = resolve));
    this.left = this.members.length;
    this.publisher.write(this.packet);
    await Promise.race([all, this.failed, late]).finally(() => clearTimeout(timer));
  }

  close(): void {
    for (const member of this.members) member.close();
    this.publisher.close();
  }

  private arrived(member: BenchClient, bytes: Buffer): void {
    const begun = this.begunAt.get(member);
    const all = begun === undefined ? bytes : Buffer.concat([begun, bytes]);
    const message = wholePublish(all);
    if (message === undefined) return void this.begunAt.set(member, Buffer.from(all));
    if (begun !== undefined) this.begunAt.delete(member);
    if (message.length !== all.length) throw new Error('a client got more than was published');
    if (--this.left === 0) this.onAll();
  }
}

/** One fan-out after the other. */
export async function fanOutCaller(port: number, text: string, load: FanOutLoad, trigger?: string): Promise<Caller> {
  const audience = await Audience.open(port, text, load, trigger);
  const repeat = async (ms: number): Promise<Histogram> => {
    const times = new Histogram();
    const end = performance.now() + ms;
    for (let at = performance.now(); at < end; ) {
      await audience.once();
      const now = performance.now();
      times.record((now - at) * 1000);
      at = now;
    }
    return times;
  };
  const drive = async ({ warmUpMs, measureMs }: Load, onMeasuring: () => void): Promise<Measured> => {
    await repeat(warmUpMs);
    onMeasuring();
    const from = performance.now();
    const times = await repeat(measureMs);
    return { calls: times.count, seconds: (performance.now() - from) / 1000, p50: times.quantile(0.5), p99: times.quantile(0.99) };
  };
  return { drive, close: async () => audience.close() };
}
