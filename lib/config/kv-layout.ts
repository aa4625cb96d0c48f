import { BootError } from '../common/boot-error.js';
import type { KeyPath } from './config-layer.js';
import { isPlain, type Plain } from './plain.js';

/** How the keys of a store are config. */
export interface KvLayout {
  /** All keys that count begin with it: `anthill/config` itself, and all below `anthill/config/`. */
  readonly prefix: string;
  /**
   * Where in server.json a key stands, given its parts below the prefix, and how strong it is: of two rows the stronger one wins, then the deeper one.
   * Undefined for keys that are none of our business.
   */
  place(parts: readonly string[]): { readonly path: KeyPath; readonly strength?: number; readonly translate?: (value: unknown) => unknown } | undefined;
  /** The key of a path. @throws BootError CONFIG_KEY when the layout has no place for it */
  keyOf(path: KeyPath): string;
}

/**
 * Our own: below the prefix each key is a path of server.json, `anthill/config/Settings/pricing/discount`; the prefix itself may hold all of it. What stands
 * deeper wins.
 */
export function pathLayout(prefix: string): KvLayout {
  return {
    prefix,
    place: (parts) => ({ path: parts }),
    keyOf: (path) => [prefix, ...path.map(checkedPart)].join('/'),
  };
}

/** Where hrpc's keys are read from. @public */
export interface HrpcLayoutOptions {
  /** hrpc's environment, the first part of every key. @default 'development' */
  environment?: string;
  /** The service whose keys (`<environment>/services/<service>/...`) are settings too, and win over the common ones. @default none */
  service?: string;
}

/**
 * hrpc's (configs.go, database/*): `<env>/databases/redis` and `<env>/databases/mysql` are our clients and databases `default`; `<env>/services/<service>/<key>` and
 * `<env>/<key>` are settings.
 */
export function hrpcLayout({ environment = 'development', service }: HrpcLayoutOptions = {}): KvLayout {
  return {
    prefix: environment,
    place([first, second, ...rest]) {
      if (first === undefined) return undefined;
      if (first === 'databases' && rest.length === 0 && second === 'redis') return { path: ['Anthill', 'redis', 'default'], translate: redisOf };
      if (first === 'databases' && rest.length === 0 && second === 'mysql') return { path: ['Anthill', 'databases', 'default'], translate: mysqlOf };
      if (first !== 'services') return { path: ['Settings', first, ...(second === undefined ? [] : [second, ...rest])] };
      if (second !== service || service === undefined || rest.length === 0) return undefined;
      return { path: ['Settings', ...rest], strength: 1 };
    },
    keyOf([section, ...path]) {
      if (section !== 'Settings' || path.length === 0) throw new BootError('CONFIG_KEY', `hrpc's layout has keys for settings only, not for ${String(section)}`);
      const parts = path.map(checkedPart);
      return [environment, ...(service === undefined ? [] : ['services', service]), ...parts].join('/');
    },
  };
}

/** hrpc's `database/redis`: what it does not know has no place with us. */
function redisOf(value: unknown): unknown {
  if (!isPlain(value)) return value;
  const { address: host, port, db, username, password } = value;
  return given({ host, port, db, username, password });
}

/** hrpc's `database/mysql`. */
function mysqlOf(value: unknown): unknown {
  if (!isPlain(value)) return value;
  const { address: host, port, dbname: database, username, password, max_open_conns: max } = value;
  return given({ type: 'mysql', host, port, database, username, password, pool: max === undefined ? undefined : { max } });
}

/** Go writes an absent text as "". */
function given(tree: Plain): Plain {
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== undefined && value !== ''));
}

/** Parts of keys are what stands between slashes. */
function checkedPart(part: string | number): string {
  const text = String(part);
  if (text === '' || text.includes('/')) throw new BootError('CONFIG_KEY', `"${text}" cannot be a part of a key: it is empty or has a "/"`);
  return text;
}
