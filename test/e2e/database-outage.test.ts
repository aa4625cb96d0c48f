import assert from 'node:assert/strict';
import { after, before, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RpcError } from '../../lib/index.js';
import { type RunningDatabase } from '../services/index.js';
import { onEachServer, section, startShop, type Vendor } from './database.rig.js';

type Rig = Awaited<ReturnType<typeof startShop>>;

/** Calls without a pause, until told otherwise; what came of each, in order. */
class Load {
  readonly outcomes: string[] = [];
  private isOver = false;
  private readonly workers: Promise<void>[];

  constructor(rig: Rig, workers: number) {
    this.workers = Array.from({ length: workers }, async (_, i) => {
      while (!this.isOver) {
        const work = () => rig.shop.stock.increment({ name: `item ${i % 4}` }, 'count', 1);
        const outcome = await (i % 2 === 0 ? rig.call(work, 2000) : rig.callInside(work, 2000)).then(() => 'ok', (error: unknown) => (RpcError.is(error) ? error.code : String(error)));
        this.outcomes.push(outcome);
        if (outcome !== 'ok') await delay(5);
      }
    });
  }

  get last(): string | undefined {
    return this.outcomes.at(-1);
  }

  async until(condition: () => boolean, what: string, withinMs = 20_000): Promise<void> {
    const end = performance.now() + withinMs;
    while (!condition()) {
      if (performance.now() > end) assert.fail(`${what}: not within ${withinMs} ms; the last outcomes: ${this.outcomes.slice(-20).join(' ')}`);
      await delay(10);
    }
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.workers);
  }
}

onEachServer('outages of a database on a server', (_server: () => RunningDatabase, vendor: Vendor) => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  before(() => process.on('unhandledRejection', note).on('uncaughtException', note));
  after(() => process.off('unhandledRejection', note).off('uncaughtException', note));

  /** A server and an app of their own, under load. */
  const underLoad = async (t: TestContext) => {
    const server = await vendor.start();
    t.after(() => server.stop());
    const rig = await startShop({ default: section(server, vendor, { pool: { max: 4 }, connectTimeoutMs: 1000 }) });
    t.after(() => rig.app.stop());
    await rig.shop.stock.insert([0, 1, 2, 3].map((i) => ({ name: `item ${i}`, count: 0 })));
    const load = new Load(rig, 8);
    t.after(() => load.stop());
    await load.until(() => load.outcomes.filter((outcome) => outcome === 'ok').length > 50, 'works at first');
    return { server, rig, load };
  };
  const isReady = ({ app }: Rig): boolean => app.health().ready;

  it('killed and restarted under load: calls fail as UNAVAILABLE meanwhile, and work again by themselves', async (t) => {
    const { server, rig, load } = await underLoad(t);
    await server.kill();
    await load.until(() => !isReady(rig), 'the app is not ready');
    assert.match(rig.app.health().parts.find(({ name }) => name === 'database')!.detail!, /ECONNREFUSED|reset|lost|closed|terminated/i);
    const from = load.outcomes.length;
    await load.until(() => load.outcomes.length > from + 200, 'calls go on failing, fast');
    assert.deepEqual([...new Set(load.outcomes.slice(from))], ['UNAVAILABLE']);
    await server.restart();
    const back = performance.now();
    await load.until(() => load.last === 'ok' && isReady(rig), 'works again', 5000);
    t.diagnostic(`works again ${Math.round(performance.now() - back)} ms after the server answered`);
    await load.stop();
    const stored = (await rig.shop.stock.find()).reduce((sum, { count }) => sum + count, 0);
    const acknowledged = load.outcomes.filter((outcome) => outcome === 'ok').length;
    assert.ok(stored >= acknowledged && stored <= load.outcomes.length, `${acknowledged} were acknowledged, ${stored} are there`);
    const odd = [...new Set(load.outcomes)].filter((outcome) => !['ok', 'UNAVAILABLE', 'UNKNOWN', 'DEADLINE_EXCEEDED'].includes(outcome));
    assert.deepEqual(odd, [], 'UNKNOWN is a commit that nobody knows of');
    assert.deepEqual(unhandled, []);
  });

  it('silent: calls end at their deadline, then at once; afterwards all connections serve', async (t) => {
    const { server, rig, load } = await underLoad(t);
    server.pause();
    await load.until(() => !isReady(rig), 'the app is not ready');
    const from = load.outcomes.length;
    await load.until(() => load.outcomes.length > from + 100 && load.outcomes.slice(-50).every((outcome) => outcome === 'UNAVAILABLE'), 'calls fail at once');
    server.resume();
    await load.until(() => load.outcomes.slice(-50).every((outcome) => outcome === 'ok') && isReady(rig), 'works again', 5000);
    await load.stop();
    await Promise.all([1, 2, 3, 4].map(() => rig.shop.inside(() => rig.shop.stock.count())));
    assert.deepEqual(unhandled, []);
  });

  it('a connection that the server ends is replaced, and the app stays ready', async (t) => {
    const server = await vendor.start();
    t.after(() => server.stop());
    const rig = await startShop({ default: section(server, vendor, { pool: { max: 2 } }) });
    t.after(() => rig.app.stop());
    const id = vendor.type === 'postgres' ? 'SELECT pg_backend_pid() AS id' : 'SELECT CONNECTION_ID() AS id';
    const killer = await startShop({ default: section(server, vendor) });
    t.after(() => killer.app.stop());
    await assert.rejects(rig.callInside(async () => {
      const [{ id: session }] = await rig.shop.db.query(id);
      await killer.shop.db.query(vendor.type === 'postgres' ? `SELECT pg_terminate_backend(${Number(session)})` : `KILL ${Number(session)}`);
      await rig.shop.stock.count();
    }), { code: 'UNAVAILABLE', reason: 'DATABASE_DOWN' });
    for (let i = 0; i < 4; i++) assert.equal(await rig.shop.stock.count(), 0);
    assert.equal(isReady(rig), true);
    assert.deepEqual(unhandled, []);
  });
});
