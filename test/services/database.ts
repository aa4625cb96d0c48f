import type { RunningServer } from './server-process.js';

/** A database server with what its clients log in with. The user may do everything. `url` has all of it. */
export interface RunningDatabase extends RunningServer {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** How to start a database server; all optional. */
export interface DatabaseOptions {
  /** @default a free one */
  readonly port?: number;
  /** Settings of the server by its own names; they win over those for speed that tests have. */
  readonly settings?: Readonly<Record<string, string>>;
}
