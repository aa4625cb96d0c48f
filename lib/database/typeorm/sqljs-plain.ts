import type { InitSqlJsStatic } from 'sql.js';
import type { DataSourceOptions } from 'typeorm';
import { loadPeer } from '../../common/peer.js';
import type { ResolvedDatabase } from '../database-options.js';
import { lockFile } from '../embedded/file-lock.js';
import { replaceFile } from '../embedded/replace-file.js';

/** @throws BootError PEER_MISSING */
export async function loadSqljs({ name, declared }: ResolvedDatabase): Promise<InitSqlJsStatic> {
  return (await loadPeer('sql.js', `database '${name}', which is embedded (${declared}),`, () => import('sql.js'))).default;
}

/** TypeORM's own way to an embedded database, for commands. The file is held until the command ends: an app that has it open would undo what the command does. */
export async function plainSqljsOptions(settings: ResolvedDatabase, common: Partial<DataSourceOptions>): Promise<DataSourceOptions> {
  const { file, name } = settings;
  const options = { ...common, type: 'sqljs', driver: await loadSqljs(settings) };
  if (file === undefined) return options as DataSourceOptions;
  await lockFile(file, name);
  return { ...options, location: file, autoSave: true, autoSaveCallback: (content: Uint8Array) => replaceFile(file, content) } as DataSourceOptions;
}
