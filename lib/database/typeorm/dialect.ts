import type { DataSource, DataSourceOptions, QueryRunner } from 'typeorm';
import type { SideConnection } from '../server/side-line.js';
import type { ResolvedDatabase } from '../database-options.js';

/** What differs between servers. */
export interface Dialect {
  /** @param source what TypeORM's options have in common */
  options(source: Partial<DataSourceOptions>): DataSourceOptions;
  /** Tells of each connection that the pool makes. */
  onConnection(source: DataSource, made: (connection: object) => void): void;
  /** A connection outside of the pool, within `timeoutMs`. */
  open(timeoutMs: number): Promise<SideConnection>;
  /** The server's name for a connection. */
  sessionOf(connection: object): number;
  cancelSql(session: number): string;
  /** Takes a connection out of the pool, whatever it does right now. */
  discard(runner: QueryRunner, connection: object, why: Error): void;
  /** What an error leaves of the transaction it happened in: PostgreSQL goes on from the last savepoint at best. */
  doomOf(error: unknown): 'transaction' | 'savepoint' | undefined;
  /** Only one process at a time may do what comes until the connection closes. */
  readonly lockSql: string;
  /** What is odd about the server. */
  warning(source: DataSource): Promise<string | undefined>;
}

/** Loads the vendor. */
export type DialectLoader = (settings: ResolvedDatabase) => Promise<Dialect>;
