import type { Caller } from '../peer.js';
import { publishPacket, wholePublish } from './mqtt-bytes.js';
import { BenchClient, openMany } from './mqtt-client.js';

/** A client with one request under way, as a person has. */
class Asker {
  private readonly packet: Buffer;
  private begun = Buffer.alloc(0);
  private settle = (_body: Buffer): void => {};
  /** The connection is lost. */
  fail = (_error: Error): void => {};

  constructor(private readonly client: BenchClient, text: string) {
    this.packet = publishPacket('echo/HD_echo/1', Buffer.from(JSON.stringify({ text })));
    client.onBytes = (bytes) => this.arrived(bytes);
  }

  ask(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
      this.client.write(this.packet);
    });
  }

  close(): void {
    this.client.close();
  }

  private arrived(bytes: Buffer): void {
    const all = this.begun.length === 0 ? bytes : Buffer.concat([this.begun, bytes]);
    const reply = wholePublish(all);
    this.begun = Buffer.from(all.subarray(reply?.length ?? 0));
    if (reply) this.settle(Buffer.from(reply.body));
  }
}

/** `{"text"}` to the service echo, by as many clients as there are requests under way. @param most requests under way */
export async function requestCaller(port: number, text: string, most: number): Promise<Caller> {
  let failure: Error | undefined;
  const askers: Asker[] = [];
  const onFailure = (error: Error): void => {
    failure = error;
    for (const asker of askers) asker.fail(error);
  };
  askers.push(...(await openMany(most, async (index) => new Asker(await BenchClient.open(port, `asker-${index}`, onFailure), text))));
  const free = [...askers];
  return {
    async call() {
      if (failure) throw failure;
      const asker = free.pop()!;
      const reply = await asker.ask();
      free.push(asker);
      return reply;
    },
    read: (reply) => (JSON.parse((reply as Buffer).toString()) as { Result: unknown }).Result,
    close: async () => askers.forEach((asker) => asker.close()),
  };
}
