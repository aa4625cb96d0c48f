import { spawnSync } from 'node:child_process';
import { chownSync, existsSync } from 'node:fs';

/**
 * Whose rights a server has that refuses to run as root: our own when we are not root. Root gets a user namespace where its id is another one, if
 * the kernel allows: it still owns its files, so it finds the server also in a checkout that only root may enter. Else `nobody`.
 */
export type Rights = 'own' | 'namespace' | 'nobody';

/** A command line with what spawn is told besides it. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly identity: { readonly uid?: number; readonly gid?: number };
}

/** The id of user and group `nobody` on Linux. */
const nobody = 65_534;
const unshare = '/usr/bin/unshare';
const namespace = ['--user', '--map-user', `${nobody}`, '--map-group', `${nobody}`, '--'];
const setpriv = '/usr/bin/setpriv';

/** The rights for a server, which may be one that refuses root. */
export function rightsFor(unprivileged: boolean): Rights {
  if (!unprivileged || process.getuid?.() !== 0) return 'own';
  return spawnSync(unshare, [...namespace, 'true']).status === 0 ? 'namespace' : 'nobody';
}

/** Makes whoever has the rights the owner of a folder. */
export function giveFolder(folder: string, rights: Rights): void {
  if (rights === 'nobody') chownSync(folder, nobody, nobody);
}

/**
 * The command that runs a program with these rights and dies with this process.
 *
 * A test file that is killed by SIGKILL runs no exit handler, so on Linux the kernel is asked to kill the server with its parent
 * (PR_SET_PDEATHSIG, through util-linux' setpriv). Elsewhere only the exit handler protects. Both setpriv and unshare replace
 * themselves by what they start: the pid is the server's.
 */
export function commandWith(rights: Rights, file: string, args: readonly string[]): Command {
  const become = rights === 'nobody' ? ['--reuid', `${nobody}`, '--regid', `${nobody}`, '--clear-groups'] : [];
  if (process.platform !== 'linux' || !existsSync(setpriv)) {
    return { file, args, identity: rights === 'nobody' ? { uid: nobody, gid: nobody } : {} };
  }
  const tied = [setpriv, '--pdeathsig', 'KILL', ...become, '--', file, ...args];
  const [first = file, ...rest] = rights === 'namespace' ? [unshare, ...namespace, ...tied] : tied;
  return { file: first, args: rest, identity: {} };
}
