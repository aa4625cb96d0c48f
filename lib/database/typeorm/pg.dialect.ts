import type { Client, ClientConfig, Pool } from 'pg';
import type { DataSource, DataSourceOptions, QueryRunner } from 'typeorm';
import { loadPeer } from '../../common/peer.js';
import { isConflict } from '../database-errors.js';
import type { ResolvedDatabase } from '../database-options.js';
import type { Dialect } from './dialect.js';

/** PostgreSQL, through pg. */
export async function pgDialect(settings: ResolvedDatabase): Promise<Dialect> {
  const { host, port, database, username, password, ssl, pool, connectTimeoutMs, name } = settings;
  const loaded = await loadPeer('pg', `database '${name}' (type postgres)`, () => import('pg'));
  const pg = loaded.default ?? loaded;
  const address = { host, port, ...(database !== undefined && { database }), ...(password !== undefined && { password }), ...(ssl && { ssl: { ...ssl } }) };
  return {
    options: (common) => ({
      ...common,
      ...address,
      type: 'postgres',
      ...(username !== undefined && { username }),
      driver: pg,
      poolSize: pool.max,
      connectTimeoutMS: Math.max(connectTimeoutMs, pool.acquireTimeoutMs),
      extra: { idleTimeoutMillis: pool.idleTimeoutMs, ...(settings.options.extra as object | undefined) },
    }) as DataSourceOptions,
    onConnection(source: DataSource, made) {
      (source.driver as unknown as { master?: Pool }).master?.on('connect', made);
    },
    open: async (connectionTimeoutMillis) => {
      const client = new pg.Client({ ...address, ...(username !== undefined && { user: username }), connectionTimeoutMillis } as ClientConfig);
      // Errors reach whoever waits; without a listener they would end the process besides.
      client.on('error', () => {});
      const destroy = (): void => void (client as Client & { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
      await client.connect().catch((error: unknown) => {
        destroy();
        throw error;
      });
      return { query: (sql) => client.query(sql), destroy };
    },
    sessionOf: (connection) => (connection as { processID: number }).processID,
    cancelSql: (session) => `SELECT pg_cancel_backend(${Number(session)})`,
    discard(runner, _connection, why) {
      void (runner as QueryRunner & { releasePostgresConnection(error: Error): Promise<void> }).releasePostgresConnection(why);
    },
    doomOf: (error) => (isConflict(error) ? 'transaction' : 'savepoint'),
    lockSql: `SELECT pg_advisory_lock(hashtext('anthill: schema'))`,
    warning: async () => undefined,
  };
}
