import { BootError } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';
import { hrpcLayout, type HrpcLayoutOptions, pathLayout, type KvLayout } from './kv-layout.js';

/** What config centres in key-value stores have in common; all optional. @public */
export interface KvSourceOptions extends HrpcLayoutOptions {
  /**
   * How keys are config. `path`: below `prefix` each key is a path of server.json, `<prefix>/Settings/pricing`, and the prefix itself may hold all of it. `hrpc`: as
   * hrpc services have them, by `environment` and `service`. @default 'path'
   */
  layout?: 'path' | 'hrpc';
  /** For layout `path`. @default 'anthill/config' */
  prefix?: string;
  /** Away at the start: `fail` it, or start with what the other layers say and `retry` until it is there. @default 'fail' */
  startup?: 'fail' | 'retry';
  /** A file that keeps what was read last, to start from while the centre is away. For its owner only: it has in clear what the centre has in clear. @default none */
  cacheFile?: string;
}

export const KV_KEYS = ['layout', 'prefix', 'environment', 'service', 'startup', 'cacheFile'] as const satisfies readonly (keyof KvSourceOptions)[];

/** @throws BootError CONFIG_INVALID */
export function resolveKvOptions(
  where: string,
  options: KvSourceOptions,
  known: readonly string[],
  minima: Readonly<Record<string, number>> = {},
): { readonly layout: KvLayout; readonly isOptional: boolean } {
  const wrong = (what: string): never => {
    throw new BootError('CONFIG_INVALID', `${where}(): ${what}`);
  };
  for (const key of Object.keys(options)) if (!known.includes(key)) wrong(`unknown option "${key}"${didYouMean(key, known)}`);
  for (const [key, least] of Object.entries(minima)) {
    const value = (options as Record<string, unknown>)[key];
    if (value !== undefined && !(typeof value === 'number' && value >= least)) wrong(`${key} must be a number of at least ${least}, got ${String(value)}`);
  }
  const { layout = 'path', prefix = 'anthill/config', environment, service, startup = 'fail' } = options;
  if (startup !== 'fail' && startup !== 'retry') wrong(`startup must be "fail" or "retry", got "${String(startup)}"`);
  if (layout !== 'path' && layout !== 'hrpc') wrong(`layout must be "path" or "hrpc", got "${String(layout)}"`);
  if (layout === 'path' && (environment ?? service) !== undefined) wrong('environment and service are for layout "hrpc"; with layout "path" put them into the prefix');
  if (layout === 'hrpc' && options.prefix !== undefined) wrong('prefix is for layout "path"; with layout "hrpc" it is the environment');
  if (layout === 'path' && !/^[^/]+(\/[^/]+)*$/.test(prefix)) wrong(`prefix "${prefix}" must be parts with single slashes between them, such as "anthill/config"`);
  return {
    layout: layout === 'path' ? pathLayout(prefix) : hrpcLayout({ ...(environment !== undefined && { environment }), ...(service !== undefined && { service }) }),
    isOptional: startup === 'retry',
  };
}
