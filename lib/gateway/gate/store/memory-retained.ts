import type { RetainedMessage, RetainLimits } from './gate-store.js';

/** The last message of each topic that was to be kept. */
export class MemoryRetained {
  private readonly byTopic = new Map<string, RetainedMessage>();
  private bytes = 0;

  /** @returns false when there is no room */
  retain(message: RetainedMessage, limits: RetainLimits): boolean {
    const old = this.byTopic.get(message.topic);
    const freed = old === undefined ? 0 : sizeOf(old);
    if (message.body.length === 0) {
      this.byTopic.delete(message.topic);
      this.bytes -= freed;
      return true;
    }
    const bytes = this.bytes - freed + sizeOf(message);
    if (bytes > limits.bytes || (old === undefined && this.byTopic.size >= limits.messages)) return false;
    this.byTopic.set(message.topic, message);
    this.bytes = bytes;
    return true;
  }

  of(topic: string | undefined): RetainedMessage[] {
    if (topic === undefined) return [...this.byTopic.values()];
    const message = this.byTopic.get(topic);
    return message === undefined ? [] : [message];
  }
}

function sizeOf({ topic, body }: RetainedMessage): number {
  return Buffer.byteLength(topic) + body.length;
}
