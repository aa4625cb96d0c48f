import type { Connection, ConnectionOptions, Pool } from 'mysql2';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { loadPeer } from '../../common/peer.js';
import { isConflict } from '../database-errors.js';
import type { ResolvedDatabase } from '../database-options.js';
import type { Dialect } from './dialect.js';

/** MariaDB and MySQL, through mysql2. */
export async function mysqlDialect(settings: ResolvedDatabase): Promise<Dialect> {
  const { type, host, port, database, username, password, ssl, pool, connectTimeoutMs, name } = settings;
  const loaded = await loadPeer('mysql2', `database '${name}' (type ${type})`, () => import('mysql2'));
  const mysql = loaded.default ?? loaded;
  // A copy: mysql2 adds to the options of TLS, and config is frozen.
  const address = { host, port, ...(database !== undefined && { database }), ...(password !== undefined && { password }), ...(ssl && { ssl: { ...ssl } }) };
  return {
    options: (common) => ({
      ...common,
      ...address,
      type: type as 'mariadb' | 'mysql',
      ...(username !== undefined && { username }),
      driver: mysql,
      poolSize: pool.max,
      connectTimeout: connectTimeoutMs,
      // mysql2 closes idle connections only when fewer may idle than may exist.
      extra: { idleTimeout: pool.idleTimeoutMs, maxIdle: Math.max(1, pool.max - 1), ...(settings.options.extra as object | undefined) },
    }) as DataSourceOptions,
    onConnection(source: DataSource, made) {
      (source.driver as unknown as { pool?: Pool }).pool?.on('connection', made);
    },
    open: async (connectTimeout) => {
      const connection = mysql.createConnection({ ...address, ...(username !== undefined && { user: username }), connectTimeout } as ConnectionOptions);
      // Errors reach whoever waits; without a listener they would end the process besides.
      connection.on('error', () => {});
      await settled((done) => connection.connect(done)).catch((error: unknown) => {
        connection.destroy();
        throw error;
      });
      return { query: (sql) => settled((done) => connection.query(sql, done)), destroy: () => connection.destroy() };
    },
    sessionOf: (connection) => (connection as Connection).threadId!,
    cancelSql: (session) => `KILL QUERY ${Number(session)}`,
    discard(runner, connection) {
      (connection as Connection).destroy();
      Object.assign(runner, { isReleased: true });
    },
    // A deadlock undoes the whole transaction; what came after it would run, and stay, without one.
    doomOf: (error) => (isConflict(error) ? 'transaction' : undefined),
    // Names of locks count for the whole server, and have 64 characters at most. A year is for ever.
    lockSql: `DO GET_LOCK(CONCAT('anthill: schema of ', MD5(DATABASE())), 31536000)`,
    async warning(source) {
      if (type !== 'mysql') return undefined;
      const [row] = (await source.query('SELECT VERSION() AS version')) as { version: string }[];
      return /mariadb/i.test(row?.version ?? '') ? `database '${name}' has type mysql, and its server is MariaDB: say mariadb from the start, for a later change rewrites uuid columns` : undefined;
    },
  };
}

function settled(work: (done: (error: unknown) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => work((error) => (error ? reject(error as Error) : resolve())));
}
