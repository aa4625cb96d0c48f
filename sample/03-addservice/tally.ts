import type { Interceptor } from 'anthill';

/** Counts calls by the node that had them. */
class Tally {
  private counts = new Map<string, number>();

  /** Around all calls of the app, gRPC or not. */
  readonly interceptor: Interceptor = async (call, next) => {
    try {
      return await next();
    } finally {
      const node = call.node?.id ?? 'nobody';
      this.counts.set(node, (this.counts.get(node) ?? 0) + 1);
    }
  };

  /** As text, and begins anew. */
  take(): string {
    const text = [...this.counts].sort().map(([node, count]) => `${node} ${count}`);
    this.counts = new Map();
    return text.join(', ');
  }
}

export const tally = new Tally();
