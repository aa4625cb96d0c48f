import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const setpriv = '/usr/bin/setpriv';
const hasSetpriv = process.platform === 'linux' && existsSync(setpriv);

/** The id of user and group `nobody` on Linux. */
const nobody = 65_534;

/** The user that owns the folders of a server; `unprivileged` ones refuse root. Undefined: who runs the tests. */
export function accountOf(unprivileged: boolean): number | undefined {
  return unprivileged && process.getuid?.() === 0 ? nobody : undefined;
}

/** A command line with what spawn is told besides it. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly identity: { readonly uid?: number; readonly gid?: number };
}

/**
 * A test file that is killed by SIGKILL runs no exit handler, so on Linux the kernel is asked to kill the server with its parent
 * (PR_SET_PDEATHSIG, through util-linux' setpriv, which replaces itself by the server: the pid is the server's). Elsewhere
 * only the exit handler protects.
 *
 * @param account whose rights it gets; it may still enter folders that only root may, where checkouts and TMPDIR can be
 */
export function dyingWithParent(file: string, args: readonly string[], account?: number): Command {
  if (!hasSetpriv) return { file, args, identity: account === undefined ? {} : { uid: account, gid: account } };
  const caps = ['--inh-caps', '+dac_override', '--ambient-caps', '+dac_override'];
  const become = account === undefined ? [] : ['--reuid', `${account}`, '--regid', `${account}`, '--clear-groups', ...caps];
  return { file: setpriv, args: ['--pdeathsig', 'KILL', ...become, '--', file, ...args], identity: {} };
}

/** Sends a signal to a process and all below it. The root is halted first, so that it forks nothing that would be missed. */
export function signalTree(root: number, signal: NodeJS.Signals): readonly number[] {
  send(root, 'SIGSTOP');
  const all = [root, ...descendants(root)];
  for (const pid of all) send(pid, signal);
  return all;
}

/** Resolves when none of them runs. Zombies do not: whether they vanish is up to the init process of the machine. */
export async function allGone(pids: readonly number[]): Promise<void> {
  for (const end = Date.now() + 5_000; pids.some((pid) => isRunning(pid)) && Date.now() < end; ) await delay(5);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended
  }
}

/** Only on Linux; elsewhere none is found, and a server of several processes is only as killed as its first one is. */
function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of existsSync('/proc/self/stat') ? readdirSync('/proc') : []) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  const visit = (pid: number) => {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      visit(child);
    }
  };
  visit(root);
  return found;
}

function isRunning(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== 'Z';
}

/** /proc/<pid>/stat is `pid (name) state ppid ...`, and a name may have spaces and brackets: proc(5). */
function statOf(pid: number): { readonly state: string; readonly parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
