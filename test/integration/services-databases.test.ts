import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { type DatabaseOptions, type Need, type RunningDatabase, describeWith, startMariadb, startPostgres } from '../services/index.js';

/** A connection, as far as these tests need one. */
interface Session {
  rows(sql: string): Promise<unknown[]>;
  close(): Promise<void>;
}

async function mysqlSession(url: string): Promise<Session> {
  const connection = await createConnection(url);
  connection.on('error', () => undefined); // what a kill does to it is asked for by rows
  return { rows: async (sql) => [(await connection.query(sql))[0]].flat(), close: async () => connection.destroy() };
}

async function pgSession(url: string): Promise<Session> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return { rows: async (sql) => (await client.query(sql)).rows, close: () => client.end() };
}

interface Kind {
  readonly need: Need;
  start(options?: DatabaseOptions): Promise<RunningDatabase>;
  session(url: string): Promise<Session>;
  /** A query that is still running when the server dies. */
  readonly long: string;
  /** A setting that tests may change, and the query that shows it. */
  readonly setting: readonly [name: string, value: string, show: string];
}

const kinds: readonly Kind[] = [
  { need: 'mariadbd', start: startMariadb, session: mysqlSession, long: 'SELECT SLEEP(60)', setting: ['max-connections', '33', 'SELECT @@max_connections v'] },
  { need: 'postgres', start: startPostgres, session: pgSession, long: 'SELECT pg_sleep(60)', setting: ['max_connections', '33', 'SHOW max_connections'] },
];

for (const { need, start, session, long, setting } of kinds) {
  describeWith(`a ${need} for tests`, [need], () => {
    it('keeps what was committed over kill and restart, also with a query running', async (t) => {
      const server = await start();
      t.after(() => server.stop());
      const before = await session(server.url);
      await before.rows('CREATE TABLE a (n INT)');
      await before.rows('INSERT INTO a VALUES (1)');
      const running = assert.rejects(before.rows(long));
      await server.kill();
      await running;
      await assert.rejects(session(server.url), { code: 'ECONNREFUSED' });
      await server.restart();
      const after = await session(server.url);
      assert.deepEqual((await after.rows('SELECT n FROM a')).map((row) => ({ ...(row as object) })), [{ n: 1 }]);
      await after.close();
    });

    it('answers nothing while paused, on connections that are open', async (t) => {
      const server = await start();
      t.after(() => server.stop());
      const open = await session(server.url);
      server.pause();
      const answer = open.rows('SELECT 1 AS n').then(() => 'answered');
      const silence = new Promise((resolve) => setTimeout(resolve, 200, 'silent'));
      assert.equal(await Promise.race([answer, silence]), 'silent');
      server.resume();
      assert.equal(await answer, 'answered');
      await open.close();
    });

    it('has a database of its own, stops at once with clients connected, and starts empty', async (t) => {
      const server = await start();
      t.after(() => server.stop());
      const open = await session(server.url);
      await open.rows('CREATE TABLE a (n INT)');
      await server.stop();
      await open.close().catch(() => undefined);
      assert.doesNotMatch(server.log(), /signal SIGKILL/);
      await server.restart();
      const after = await session(server.url);
      await assert.rejects(after.rows('SELECT n FROM a'));
      await after.close();
    });

    it('takes settings, and a mistake in them is an error with the log of the server', async (t) => {
      const [name, value, show] = setting;
      const server = await start({ settings: { [name]: value } });
      t.after(() => server.stop());
      const open = await session(server.url);
      assert.deepEqual(Object.values((await open.rows(show))[0] as object).map(String), [value]);
      await open.close();
      await assert.rejects(start({ settings: { nonsense: '1' } }), /ended while starting; its log:[^]*nonsense/);
    });
  });
}
