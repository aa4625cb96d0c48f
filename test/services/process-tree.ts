import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

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
