import { type CrowdCounts, LightClient } from './light-client.js';
import type { CrowdOrder } from './crowd-process.js';

/** Opened at the same time, at first. */
const AT_ONCE = 100;

/** A process of many clients: see crowd-process.ts. */
const clients: LightClient[] = [];
const counts: CrowdCounts = { in: 0, tries: 0, resumed: 0 };
const wakers = new Set<() => void>();
let isWaking = false;
const wake = (): void => {
  if (isWaking) return;
  isWaking = true;
  setImmediate(() => {
    isWaking = false;
    for (const waker of wakers) waker();
  });
};

process.on('disconnect', () => process.exit(9));
process.on('message', ({ id, order }: { id: number; order: CrowdOrder }) => {
  obey(order).then((value) => process.send!({ id, value }), (error: Error) => process.send!({ id, error: error.message }));
});

function until(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!holds()) return;
      wakers.delete(look);
      resolve();
    };
    wakers.add(look);
    look();
  });
}

async function obey(order: CrowdOrder): Promise<unknown> {
  switch (order.do) {
    case 'open':
      for (let i = 0; i < order.count; i++) {
        const client = new LightClient(order.port, `crowd${i}`, counts, wake);
        clients.push(client);
        client.dial();
        if (clients.length - counts.in >= AT_ONCE) await until(() => clients.length - counts.in < AT_ONCE);
      }
      return obey({ do: 'all' });
    case 'all':
      await until(() => counts.in === clients.length);
      return null;
    case 'drop':
      for (const client of clients) client.drop();
      return null;
    case 'ask': {
      for (const client of clients) client.publish(order.topic, '{}');
      return obey({ do: 'heard', topic: order.topic });
    }
    case 'heard': {
      await until(() => clients.every(({ heard }) => heard.has(order.topic)));
      return Math.max(...clients.map(({ heard }) => heard.get(order.topic)!));
    }
    case 'counts':
      return { ...counts };
  }
}
