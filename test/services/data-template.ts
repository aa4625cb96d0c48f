import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { servicesFolder } from './find-server.js';
import { type Rights, commandWith, giveFolder, rightsFor } from './rights.js';

const run = promisify(execFile);

/** The empty database of one kind of server, which takes seconds to make. */
export interface DataTemplate {
  /** The server, whose version is part of what the template is called. */
  readonly binary: string;
  readonly unprivileged: boolean;
  /** The program that fills a folder, and its command line. */
  readonly maker: string;
  args(folder: string): readonly string[];
  /** Contents of the file `<folder>.input`, which is there while the program runs. */
  readonly input?: string;
}

/** Copies the template to `folder`, which must not exist. Made once on this machine for all test files, in .services/templates. */
export async function copyTemplate(plan: DataTemplate, folder: string): Promise<void> {
  const rights = rightsFor(plan.unprivileged);
  const template = servicesFolder('templates', await nameOf(plan, rights));
  if (!existsSync(template)) await makeTemplate(plan, rights, template);
  await run('cp', ['-Rp', template, folder]); // keeps owner and mode; the servers look at both
}

async function nameOf({ binary, maker, args }: DataTemplate, rights: Rights): Promise<string> {
  const { stdout } = await run(binary, ['--version']);
  const user = process.getuid?.() ?? 0;
  return createHash('sha256').update(JSON.stringify([stdout, maker, args(''), user, rights])).digest('hex').slice(0, 16);
}

async function makeTemplate({ maker, args, input = '' }: DataTemplate, rights: Rights, template: string): Promise<void> {
  const fresh = `${template}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(dirname(fresh), { recursive: true });
  mkdirSync(fresh, { mode: 0o700 });
  giveFolder(fresh, rights);
  writeFileSync(`${fresh}.input`, input);
  const command = commandWith(rights, maker, args(fresh));
  try {
    await run(command.file, [...command.args], { ...command.identity, cwd: fresh, env: { ...process.env, LC_ALL: 'C' }, timeout: 60_000 });
    // Whole or not at all; where another process was first, its template is as good.
    if (!existsSync(template)) renameSync(fresh, template);
  } catch (error) {
    if (!existsSync(template)) throw error;
  } finally {
    for (const rest of [fresh, `${fresh}.input`]) rmSync(rest, { recursive: true, force: true });
  }
}
