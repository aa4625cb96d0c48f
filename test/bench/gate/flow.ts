import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Histogram } from '../histogram.js';
import type { Caller, FlowLoad, Load, Measured } from '../peer.js';
import { publishIdFromEnd, publishPacket } from './mqtt-bytes.js';
import { BenchClient } from './mqtt-client.js';

/** Identifiers of QoS 1 run from 1 to this, and again. */
const LAST_ID = 65_535;
const PUBACK = Buffer.from([0x40, 2, 0, 0]);

/** A publisher, and the subscriber of its topic. */
class Pair {
  latencies = new Histogram();
  private readonly packet: Buffer;
  /** Bytes of a message as it arrives: the packet that left. */
  private readonly idAt: number;
  private readonly sentAt: Float64Array;
  private sent = 0;
  private delivered = 0;
  private acknowledged = 0;
  /** Of a packet that came in two reads. */
  private begun = Buffer.alloc(0);
  private isStopped = false;

  private constructor(
    private readonly publisher: BenchClient,
    private readonly subscriber: BenchClient,
    topic: string,
    body: Uint8Array,
    private readonly flow: FlowLoad,
  ) {
    this.packet = publishPacket(topic, body, flow.qos);
    this.idAt = this.packet.length - publishIdFromEnd(body);
    this.sentAt = new Float64Array(flow.window);
  }

  static async open(port: number, index: number, body: Uint8Array, flow: FlowLoad, onFailure: (error: Error) => void): Promise<Pair> {
    const topic = `bench/flow/${index}`;
    const subscriber = await BenchClient.open(port, `subscriber-${index}`, onFailure);
    await subscriber.subscribe(topic, flow.qos);
    return new Pair(await BenchClient.open(port, `publisher-${index}`, onFailure), subscriber, topic, body, flow);
  }

  start(): void {
    this.subscriber.onBytes = (bytes) => this.arrived(bytes);
    let odd = 0;
    this.publisher.onBytes = ({ length }) => {
      odd += length;
      this.acknowledged += Math.floor(odd / PUBACK.length);
      odd %= PUBACK.length;
      this.fill();
    };
    this.fill();
  }

  stop(): void {
    this.isStopped = true;
  }

  close(): void {
    this.publisher.close();
    this.subscriber.close();
  }

  /** As many as the window has room for, in one write. */
  private fill(): void {
    const { qos, window } = this.flow;
    const done = qos === 0 ? this.delivered : Math.min(this.delivered, this.acknowledged);
    const room = window - (this.sent - done);
    if (room <= 0 || this.isStopped) return;
    const { length } = this.packet;
    const batch = Buffer.allocUnsafe(room * length);
    const now = performance.now();
    for (let i = 0; i < room; i++) {
      batch.set(this.packet, i * length);
      if (qos === 1) batch.writeUInt16BE((this.sent % LAST_ID) + 1, i * length + this.idAt);
      this.sentAt[this.sent++ % window] = now;
    }
    this.publisher.write(batch);
  }

  private arrived(bytes: Buffer): void {
    const all = this.begun.length === 0 ? bytes : Buffer.concat([this.begun, bytes]);
    const { length } = this.packet;
    const count = Math.floor(all.length / length);
    const pubacks = this.flow.qos === 1 ? Buffer.alloc(count * PUBACK.length) : undefined;
    const now = performance.now();
    for (let i = 0; i < count; i++) {
      if ((all[i * length]! & 0xf0) !== 0x30) throw new Error(`a PUBLISH was expected, the first byte is ${all[i * length]}`);
      this.latencies.record((now - this.sentAt[this.delivered++ % this.flow.window]!) * 1000);
      if (pubacks) pubacks.set(PUBACK, i * 4);
      if (pubacks) all.copy(pubacks, i * 4 + 2, i * length + this.idAt, i * length + this.idAt + 2);
    }
    this.begun = Buffer.from(all.subarray(count * length));
    if (pubacks && count > 0) this.subscriber.write(pubacks);
    this.fill();
  }
}

/** Publishers and subscribers one to one: each pair keeps its window full, what arrives lets the next ones leave. */
export async function flowCaller(port: number, text: string, flow: FlowLoad): Promise<Caller> {
  let fail: (error: Error) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => {});
  const pairs = await Promise.all(Array.from({ length: flow.pairs }, (_, i) => Pair.open(port, i, Buffer.from(text), flow, (error) => fail(error))));
  const drive = async ({ warmUpMs, measureMs }: Load, onMeasuring: () => void): Promise<Measured> => {
    for (const pair of pairs) pair.start();
    await Promise.race([sleep(warmUpMs), failed]);
    onMeasuring();
    const all = new Histogram();
    for (const pair of pairs) pair.latencies = all;
    const from = performance.now();
    await Promise.race([sleep(measureMs), failed]);
    const measured = { calls: all.count, seconds: (performance.now() - from) / 1000, p50: all.quantile(0.5), p99: all.quantile(0.99) };
    for (const pair of pairs) pair.stop();
    return measured;
  };
  return { drive, close: async () => pairs.forEach((pair) => pair.close()) };
}
