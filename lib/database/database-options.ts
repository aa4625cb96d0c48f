import type { DATABASE_DEFAULTS, DatabaseSection, DatabaseType } from '../config/database-section.js';
import type { EntityRef } from './tokens.js';

/**
 * What code says of a database. Config wins, key by key, so that the same code runs on another server.
 * @public
 */
export interface DatabaseOptions extends Omit<DatabaseSection, 'migrations'> {
  /** Besides those that classes inject repositories of, and what these relate to. */
  entities?: readonly EntityRef[];
  /** Classes, or files as in config. */
  migrations?: readonly (Function | string)[];
  /** TypeORM's event subscribers. */
  subscribers?: readonly Function[];
}

/** Where a database of a process is, with all defaults filled in. */
export interface ResolvedDatabase extends Required<Pick<DatabaseSection, keyof typeof DATABASE_DEFAULTS>> {
  readonly name: string;
  readonly type: DatabaseType;
  readonly port: number;
  readonly pool: Required<NonNullable<DatabaseSection['pool']>>;
  readonly database?: string;
  readonly username?: string;
  readonly password?: string;
  readonly ssl?: Readonly<Record<string, unknown>>;
  /** Absolute; undefined: in memory, or a server. */
  readonly file?: string;
  readonly schema: NonNullable<DatabaseSection['schema']>;
  readonly entities: readonly EntityRef[];
  readonly migrations: readonly (Function | string)[];
  readonly subscribers: readonly Function[];
  /** Passed on to TypeORM. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Where it is declared; for messages. */
  readonly declared: string;
}

/** A database as people name it: no user, no password. */
export function placeOf({ type, host, port, database, file }: ResolvedDatabase): string {
  if (type !== 'sqljs') return `${type} at ${host}:${port}${database === undefined ? '' : `/${database}`}`;
  return file === undefined ? 'in memory' : `file ${file}`;
}
