import { free, integer, list, map, object, text } from './spec-words.js';

/** Databases that can be used. @public */
export type DatabaseType = (typeof DATABASE_TYPES)[number];
export const DATABASE_TYPES = ['sqljs', 'mariadb', 'mysql', 'postgres'] as const;
export const DURABILITIES = ['commit', 'relaxed'] as const;
export const STARTUPS = ['fail', 'retry'] as const;
export const SCHEMAS = ['none', 'migrate', 'sync'] as const;

/**
 * One database, as config and `DatabaseModule.forRoot` declare it. docs/database.md lists defaults and effects.
 * @public
 */
export interface DatabaseSection {
  /** @default sqljs, the embedded one; with a `url`, what its protocol says */
  type?: DatabaseType;
  /** `mariadb://user:password@host:port/database`; single keys win over its parts. */
  url?: string;
  host?: string;
  port?: number;
  /** Name of the database on its server. */
  database?: string;
  username?: string;
  password?: string;
  /** TLS options of the driver; `{}` turns TLS on. */
  ssl?: Readonly<Record<string, unknown>>;
  /** File of an embedded database, from the work directory; `:memory:` is none. */
  file?: string;
  durability?: (typeof DURABILITIES)[number];
  startup?: (typeof STARTUPS)[number];
  startupWaitMs?: number;
  connectTimeoutMs?: number;
  queryTimeoutMs?: number;
  slowQueryMs?: number;
  pool?: { max?: number; queue?: number; acquireTimeoutMs?: number; idleTimeoutMs?: number };
  /** What happens to tables at start. @default none on a server; embedded: migrate where there are migrations, else sync */
  schema?: (typeof SCHEMAS)[number];
  /** Files of migrations, `dist/migrations/*.js`, from the work directory. */
  migrations?: readonly string[];
  /** Passed on to TypeORM's DataSource. */
  options?: Readonly<Record<string, unknown>>;
}

/** Applied by the part that opens databases: config alone does not know what code adds. */
export const DATABASE_DEFAULTS = {
  host: '127.0.0.1',
  durability: 'commit',
  startup: 'fail',
  startupWaitMs: 3000,
  connectTimeoutMs: 3000,
  queryTimeoutMs: 30_000,
  slowQueryMs: 1000,
  pool: { max: 10, queue: 1024, acquireTimeoutMs: 2000, idleTimeoutMs: 60_000 },
} as const satisfies DatabaseSection;

const { pool, ...plain } = DATABASE_DEFAULTS;

/** Description of the section `Anthill.databases`. */
export const databasesSpec = map(
  'Databases by the name that @InjectDb(name) asks for; "default" is the one without a name.',
  'database',
  object('One database.', {
    type: text('Which database; without it the embedded one, or what url says.', { oneOf: DATABASE_TYPES }),
    url: text('Address with user, password and database in one; single keys win over its parts.'),
    host: text('Host of the server.', { default: plain.host }),
    port: integer('Port of the server; without it the usual one of its type.', 1, { max: 65_535 }),
    database: text('Name of the database on its server.'),
    username: text('User of the server.'),
    password: text('Password of that user; better a reference such as "$env:DB_PASSWORD".'),
    ssl: free('TLS options of the driver; {} turns TLS on.', { camel: true }),
    file: text('File of an embedded database, from the work directory; ":memory:" is none. Without it data/<name>.sqlite.'),
    durability: text('Embedded: "commit" writes to the disk before a commit returns, "relaxed" within 500 ms after.', { oneOf: DURABILITIES, default: plain.durability }),
    startup: text('When it is away at the start: "fail" the start, or "retry" and be unready meanwhile.', { oneOf: STARTUPS, default: plain.startup }),
    startupWaitMs: integer('With startup "fail": how long a server may be late, in milliseconds.', 0, { default: plain.startupWaitMs }),
    connectTimeoutMs: integer('Longest time for a new connection, in milliseconds.', 1, { default: plain.connectTimeoutMs }),
    queryTimeoutMs: integer('Longest time for one statement on a server, whatever the deadline of the call; 0: no limit.', 0, { default: plain.queryTimeoutMs }),
    slowQueryMs: integer('Statements that take this long are logged, without their parameters; 0: none.', 0, { default: plain.slowQueryMs }),
    pool: object('Connections to a server. An embedded database has one; queue and acquireTimeoutMs hold there too.', {
      max: integer('Most connections at a time.', 1, { default: pool.max }),
      queue: integer('Statements that may wait for a connection; the next one fails with RESOURCE_EXHAUSTED.', 0, { default: pool.queue }),
      acquireTimeoutMs: integer('Longest time to wait for a connection, in milliseconds.', 1, { default: pool.acquireTimeoutMs }),
      idleTimeoutMs: integer('Connections that nobody needs are closed after this, in milliseconds.', 1, { default: pool.idleTimeoutMs }),
    }),
    schema: text('What happens to tables at start: nothing, pending migrations, or whatever makes them like the entities.', { oneOf: SCHEMAS }),
    migrations: list('Files of migrations, from the work directory; * stands for any name.'),
    options: free('More options of TypeORM.', { camel: true }),
  }),
);
