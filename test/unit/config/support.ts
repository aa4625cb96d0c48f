import { BootError } from '../../../lib/common/boot-error.js';
import type { AppConfig } from '../../../lib/config/app-config.js';
import { buildConfig, type LoadedConfig } from '../../../lib/config/build-config.js';
import type { ConfigLayer } from '../../../lib/config/config-layer.js';
import { fileLayer } from '../../../lib/config/file.source.js';
import type { Launch } from '../../../lib/config/launch.js';

export const FILE = '/app/bin/conf/server.json';

export const launchOf = (processId = 'development'): Launch => ({
  workDir: '/app',
  configFile: FILE,
  isConfigFileNamed: false,
  processId,
  logDir: '/app/bin/logs',
  biDir: '/app/bin/bi',
});

/** A config from the text (or value) of a server.json, without a disk. */
export function fromFile(file: unknown, processId?: string, more: readonly ConfigLayer[] = [], moduleTypes: readonly string[] = []): LoadedConfig {
  const text = typeof file === 'string' ? file : JSON.stringify(file);
  return buildConfig(launchOf(processId), [fileLayer(text, FILE), ...more], moduleTypes);
}

export const configOf = (file: unknown, processId?: string): AppConfig => fromFile(file, processId).config;

/** The BootError that `fn` throws; anything else fails the test. */
export function bootErrorOf(fn: () => unknown): BootError {
  try {
    fn();
  } catch (error) {
    if (error instanceof BootError) return error;
    throw error;
  }
  throw new Error('expected a BootError, but nothing was thrown');
}

export async function bootRejectionOf(promise: Promise<unknown>): Promise<BootError> {
  const error = await promise.then(
    () => new Error('expected a BootError, but nothing was thrown'),
    (reason: unknown) => reason,
  );
  if (error instanceof BootError) return error;
  throw error;
}

/** The same numbers at each run. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
