import { resolve } from 'node:path';
import { BootError, bootErrors } from '../common/boot-error.js';
import { DATABASE_DEFAULTS, type DatabaseSection, type DatabaseType } from '../config/database-section.js';
import type { DatabaseOptions, ResolvedDatabase } from './database-options.js';

/** What decides about one database, the weakest first. */
export interface DatabaseSources {
  readonly name: string;
  readonly code?: DatabaseOptions;
  /** Whether code declares it, or only adds to it. */
  readonly isInCode?: boolean;
  readonly config?: DatabaseSection;
  /** All databases of an app under test are in memory: those that nothing is said of, or every one. */
  readonly memory?: 'undeclared' | 'all';
  readonly workDir: string;
}

const PORTS: Readonly<Record<DatabaseType, number>> = { sqljs: 0, mariadb: 3306, mysql: 3306, postgres: 5432 };
const PROTOCOLS: Readonly<Record<string, DatabaseType>> = { 'mariadb:': 'mariadb', 'mysql:': 'mysql', 'postgres:': 'postgres', 'postgresql:': 'postgres' };
const ON_SERVERS = ['host', 'port', 'database', 'username', 'password', 'ssl'] as const;

/** Puts together what code and config say. @throws BootError DATABASE_OPTIONS, every mistake */
export function resolveDatabase({ name, code = {}, isInCode = Object.keys(code).length > 0, config = {}, memory, workDir }: DatabaseSources): ResolvedDatabase {
  const declared = Object.keys(config).length > 0 ? `Anthill.databases.${name} in the config` : isInCode ? `DatabaseModule.forRoot of '${name}'` : 'declared nowhere';
  const { migrations: files, ...section } = defined(config);
  const { entities = [], migrations = [], subscribers = [], ...own } = defined(code);
  const inMemory = memory === 'all' || (memory === 'undeclared' && own.type === undefined && own.url === undefined && Object.keys(section).length === 0 && own.file === undefined);
  const given: DatabaseSection = inMemory ? { file: ':memory:' } : { ...own, ...section, pool: { ...own.pool, ...section.pool }, options: { ...own.options, ...section.options } };
  const mistakes: BootError[] = [];
  const wrong = (what: string): void => void mistakes.push(new BootError('DATABASE_OPTIONS', `database '${name}' (${declared}): ${what}`));

  const url = given.url === undefined ? undefined : partsOf(given.url, wrong);
  const type = given.type ?? url?.type ?? 'sqljs';
  if (url !== undefined && url.type !== type && !(isMysql(url.type) && isMysql(type))) wrong(`type is ${type} and url is one of ${url.type}; drop one of them`);
  const strangers = ON_SERVERS.filter((key) => given[key] !== undefined);
  if (type === 'sqljs' && given.url === undefined && strangers.length > 0) wrong(`${strangers.join(', ')} ${strangers.length > 1 ? 'are' : 'is'} of a server, and there is no type; say type: mariadb, mysql or postgres`);
  if (type !== 'sqljs' && given.file !== undefined) wrong(`file is of an embedded database, and type is ${type}; drop one of them`);
  const database = given.database ?? url?.database;
  if (type !== 'sqljs' && database === undefined) wrong('there is no database: which one of the server is it?');
  if (mistakes.length > 0) throw bootErrors(mistakes);

  const all = [...migrations, ...(files ?? [])].map((migration) => (typeof migration === 'string' ? resolve(workDir, migration) : migration));
  const file = given.file ?? `data/${name}.sqlite`;
  const { pool, ...plain } = DATABASE_DEFAULTS;
  return Object.freeze<ResolvedDatabase>({
    ...plain,
    ...pick(given, ['durability', 'startup', 'startupWaitMs', 'connectTimeoutMs', 'queryTimeoutMs', 'slowQueryMs', 'ssl']),
    ...pick({ ...url, ...pick(given, ['host', 'port', 'username', 'password']) }, ['host', 'username', 'password']),
    name,
    type,
    port: given.port ?? url?.port ?? PORTS[type],
    ...(database !== undefined && { database }),
    ...(type === 'sqljs' && file !== ':memory:' && { file: resolve(workDir, file) }),
    pool: { ...pool, ...defined(given.pool ?? {}) },
    schema: given.schema ?? (type !== 'sqljs' ? 'none' : all.length > 0 ? 'migrate' : 'sync'),
    entities,
    migrations: all,
    subscribers,
    options: given.options ?? {},
    declared,
  });
}

interface UrlParts {
  readonly type: DatabaseType;
  readonly host: string;
  readonly port?: number;
  readonly database?: string;
  readonly username?: string;
  readonly password?: string;
}

function partsOf(text: string, wrong: (what: string) => void): UrlParts | undefined {
  // Not URL's own error: its message shows the password.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const type = url && PROTOCOLS[url.protocol];
  if (url === undefined || type === undefined) {
    wrong('url is no address of a database; it looks like mariadb://user:password@host:3306/database, with mariadb, mysql or postgres');
    return undefined;
  }
  // Such as sslmode=require: a connection without TLS, and nobody the wiser.
  if (url.search !== '') wrong('url has a query ("?..."), which nothing reads; "ssl": {} is TLS, "options" is for what is the driver\'s');
  const decoded = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      wrong('url has a "%" that begins no percent-encoding; write it as %25');
      return '';
    }
  };
  const database = decoded(url.pathname.slice(1));
  return {
    type,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    ...(url.port !== '' && { port: Number(url.port) }),
    ...(database !== '' && { database }),
    ...(url.username !== '' && { username: decoded(url.username) }),
    ...(url.password !== '' && { password: decoded(url.password) }),
  };
}

function isMysql(type: DatabaseType): boolean {
  return type === 'mariadb' || type === 'mysql';
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]])) as Pick<T, K>;
}

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined && item !== null)) as T;
}
