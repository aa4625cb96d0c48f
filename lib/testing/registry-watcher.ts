import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ServiceNode } from '../common/service-node.js';
import type { Registry, ServiceSnapshot } from '../registry/registry.js';

/** Nothing in the suite waits longer for an event. */
const PATIENCE_MS = 10_000;

/** A service that no other test has. */
export function uniqueType(): string {
  return `contract-${randomBytes(6).toString('hex')}`;
}

/** A node as modules publish it. */
export function makeNode(type: string, id: string, more: Partial<ServiceNode> = {}): ServiceNode {
  return { id: `${type}@${id}`, type, version: '1.0.0', address: `anthill.rpc.${type}.${id}`, metadata: {}, ...more };
}

/** A watch that a test steps through, with a limit to its patience. */
export function follow(registry: Registry, service: string, aborter = new AbortController()) {
  const iterator = registry.watch(service, aborter.signal)[Symbol.asyncIterator]();
  const step = async (what: string): Promise<IteratorResult<ServiceSnapshot>> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new assert.AssertionError({ message: `${what} of ${service} within ${PATIENCE_MS} ms` })), PATIENCE_MS);
    });
    try {
      return await Promise.race([iterator.next(), late]);
    } finally {
      clearTimeout(timer);
    }
  };
  const next = async () => {
    const { done, value } = await step('no snapshot');
    if (done) assert.fail(`the watch of ${service} ended by itself`);
    return value as ServiceSnapshot;
  };
  const ended = async () => {
    assert.equal((await step('no end of the watch')).done, true, `the watch of ${service} goes on after its end`);
  };
  return {
    next,
    ended,
    async until(fits: (nodes: readonly ServiceNode[]) => boolean): Promise<ServiceSnapshot> {
      for (;;) {
        const snapshot = await next();
        if (fits(snapshot.nodes)) return snapshot;
      }
    },
    async end(): Promise<void> {
      aborter.abort();
      await ended();
    },
  };
}

/** The first snapshot of a fresh watch that fits. */
export async function reach(registry: Registry, service: string, fits: (nodes: readonly ServiceNode[]) => boolean): Promise<ServiceSnapshot> {
  const watched = follow(registry, service);
  const snapshot = await watched.until(fits);
  await watched.end();
  return snapshot;
}

/** Asks again until it holds. */
export async function eventually(holds: () => Promise<boolean>, otherwise: string): Promise<void> {
  const giveUp = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < giveUp, otherwise);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
