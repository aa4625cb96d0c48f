import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { loadPeer } from '../../common/peer.js';
import type { ResolvedDatabase } from '../database-options.js';
import { lockFile } from '../embedded/file-lock.js';
import { replaceFile } from '../embedded/replace-file.js';
import { mysqlDialect } from './mysql.dialect.js';
import { pgDialect } from './pg.dialect.js';
import { typeormOptions } from './typeorm-options.js';

/** A DataSource without anything of ours, for commands. */
export async function plainSource(settings: ResolvedDatabase): Promise<DataSource> {
  return new DataSource(await optionsOf(settings));
}

async function optionsOf(settings: ResolvedDatabase): Promise<DataSourceOptions> {
  const common = typeormOptions(settings);
  if (settings.type === 'postgres') return (await pgDialect(settings)).options(common);
  if (settings.type !== 'sqljs') return (await mysqlDialect(settings)).options(common);
  const { file, name } = settings;
  const sqljs = await loadPeer('sql.js', `database '${name}', which is embedded (${settings.declared}),`, () => import('sql.js'));
  if (file === undefined) return { ...common, type: 'sqljs', driver: sqljs.default } as DataSourceOptions;
  mkdirSync(dirname(file), { recursive: true });
  // Held until the command ends: an app that has the file open would undo what it does.
  await lockFile(file, name);
  return { ...common, type: 'sqljs', driver: sqljs.default, location: file, autoSave: true, autoSaveCallback: (content: Uint8Array) => replaceFile(file, content) } as DataSourceOptions;
}
