import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { it, type TestContext } from 'node:test';
import { type EntitySubscriberInterface, EventSubscriber, type InsertEvent, type TransactionCommitEvent } from 'typeorm';
import { RpcModule } from '../../lib/index.js';
import { DatabaseModule } from '../../lib/database/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import type { RunningDatabase } from '../services/index.js';
import { onEachServer, section, Shop, startShop, Stock, type Vendor } from './database.rig.js';

/** Between an app and its server: hands on everything, until it cuts the connection on which a text comes along, before the answer to it. */
async function scissors(t: TestContext, port: number) {
  const sockets = new Set<Socket>();
  const cut = { at: undefined as string | undefined, count: 0, hands: true };
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => (near.destroy(), far.destroy(), sockets.delete(socket)));
    }
    far.on('data', (data) => near.write(data));
    near.on('data', (data) => {
      const isMeant = cut.at !== undefined && data.includes(cut.at);
      if (!isMeant || cut.hands) far.write(data);
      if (!isMeant) return;
      cut.at = undefined;
      cut.count++;
      // The server has it, or has never seen it: who sent it cannot tell.
      far.end();
      near.destroy();
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (proxy.address() as AddressInfo).port, cut };
}

onEachServer('the end of a transaction on a server', (server: () => RunningDatabase, vendor: Vendor) => {
  it('that nobody has heard of is told as that, whether it has come to be or not', async (t) => {
    const { port, cut } = await scissors(t, server().port);
    const rig = await startShop({ default: section(server(), vendor, { port, pool: { max: 2 } }) });
    t.after(() => rig.app.stop());
    const witness = await startShop({ default: section(server(), vendor) });
    t.after(() => witness.app.stop());
    await witness.shop.stock.clear();
    for (const [i, hands] of [true, false, true, false].entries()) {
      await assert.rejects(rig[i < 2 ? 'callInside' : 'call'](() => rig.shop.inside(async () => {
        await rig.shop.stock.insert({ name: `${hands} ${i}`, count: i });
        Object.assign(cut, { at: 'COMMIT', hands });
      })), { code: 'UNKNOWN', reason: 'COMMIT_UNKNOWN', message: /went away while it committed.*look before doing it again/ });
      // The pool has no connection that is dead.
      for (let n = 0; n < 4; n++) await rig.shop.stock.count();
    }
    assert.equal(cut.count, 4);
    const there = (await witness.shop.stock.find()).map(({ name }) => name);
    assert.deepEqual(there.filter((name) => name.startsWith('false')), [], 'what the server has not seen');
  });

  it('is UNAVAILABLE, and nothing of it is there, when the connection breaks before', async (t) => {
    const { port, cut } = await scissors(t, server().port);
    const rig = await startShop({ default: section(server(), vendor, { port, pool: { max: 2 } }) });
    t.after(() => rig.app.stop());
    await rig.shop.stock.clear();
    for (const hands of [true, false]) {
      await assert.rejects(rig.callInside(async () => {
        await rig.shop.stock.insert({ name: 'first', count: 1 });
        Object.assign(cut, { at: 'second', hands });
        await rig.shop.db.query(`INSERT INTO stock VALUES ('second', 2)`);
      }), { code: 'UNAVAILABLE', reason: 'DATABASE_DOWN' });
    }
    assert.equal(await rig.shop.stock.count(), 0);
  });

  it('waits for a statement that was not awaited', async (t) => {
    const rig = await startShop({ default: section(server(), vendor) });
    t.after(() => rig.app.stop());
    await rig.shop.stock.clear();
    const left: Promise<unknown>[] = [];
    await rig.shop.inside(async () => {
      left.push(rig.shop.db.query(`INSERT INTO stock VALUES ('late', 1)`));
    });
    assert.equal(await rig.shop.stock.count(), 1);
    await Promise.all(left);
    // A save has two statements: the second one is not of this transaction any more.
    await rig.shop.inside(async () => {
      left.push(assert.rejects(rig.shop.stock.save({ name: 'later', count: 1 }), { reason: 'TRANSACTION_STATE', message: /came after its transaction had ended/ }));
    });
    await Promise.all(left);
    assert.equal(await rig.shop.stock.count(), 1);
  });

  it('has subscribers that write', async (t) => {
    @EventSubscriber()
    class Outbox implements EntitySubscriberInterface<Stock> {
      listenTo() {
        return Stock;
      }
      async afterInsert({ manager, entity }: InsertEvent<Stock>): Promise<void> {
        if (entity.name === 'a') await manager.insert(Stock, { name: 'after insert', count: 0 });
      }
      async beforeTransactionCommit({ manager }: TransactionCommitEvent): Promise<void> {
        if (await manager.existsBy(Stock, { name: 'a' })) await manager.insert(Stock, { name: 'before commit', count: 0 });
      }
      async afterTransactionCommit({ manager, dataSource }: TransactionCommitEvent): Promise<void> {
        if (await manager.existsBy(Stock, { name: 'after commit' })) return;
        if (await manager.existsBy(Stock, { name: 'a' })) await dataSource.query(`INSERT INTO stock VALUES ('after commit', 0)`);
      }
    }
    @RpcModule({ type: 'outbox', providers: [Shop], imports: [DatabaseModule.forRoot({ subscribers: [Outbox] })] })
    class OutboxModule {
      constructor(readonly shop: Shop) {}
    }
    const app = await createTestingApp({ modules: [OutboxModule], databases: { default: section(server(), vendor) } });
    t.after(() => app.stop());
    const shop = app.get(Shop);
    await shop.db.query('DELETE FROM stock');
    await shop.inside(() => shop.stock.insert({ name: 'a', count: 1 }));
    assert.deepEqual((await shop.stock.find({ order: { name: 'ASC' } })).map(({ name }) => name), ['a', 'after commit', 'after insert', 'before commit']);
    for (let n = 0; n < 12; n++) await shop.stock.count();
  });
});
