import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BootError } from '../common/boot-error.js';
import type { Findings } from './findings.js';
import type { LaunchValues } from './flags.js';

/** Where a process stands: all paths absolute. The process never changes its directory. */
export interface Launch {
  readonly workDir: string;
  /** Undefined: no file is read. */
  readonly configFile?: string;
  /** True when somebody named the file: then it must exist. */
  readonly isConfigFileNamed: boolean;
  readonly processId: string;
  readonly logDir: string;
  readonly biDir: string;
  /** Where `$env:NAME` looks. @default nowhere */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Options of a launch; `configFile: false` reads none, not even the default one. @public */
export type LaunchOptions = Omit<LaunchValues, 'configFile'> & { configFile?: string | false };

/** Settles the five launch values: options win over flags, flags over the environment. Relative paths count from the work directory, as in mqant. */
export function resolveLaunch(options: LaunchOptions, flags: LaunchValues, env: LaunchValues, cwd: string, findings: Findings): Launch {
  const pick = (key: Exclude<keyof LaunchValues, 'configFile'>): string | undefined => options[key] || flags[key] || env[key];
  const workDir = resolve(cwd, pick('workDir') ?? '');
  if (!isDirectory(workDir)) findings.errors.push(new BootError('WORK_DIR_MISSING', `the work directory ${workDir} does not exist or cannot be read (flag -wd, option workDir)`));
  const named = options.configFile === false ? undefined : options.configFile || flags.configFile || env.configFile;
  const configFile = options.configFile === false ? undefined : resolve(workDir, named ?? join('bin', 'conf', 'server.json'));
  return {
    workDir,
    ...(configFile !== undefined && { configFile }),
    isConfigFileNamed: named !== undefined,
    processId: pick('processId') ?? 'development',
    logDir: resolve(workDir, pick('logDir') ?? join('bin', 'logs')),
    biDir: resolve(workDir, pick('biDir') ?? join('bin', 'bi')),
  };
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
