import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { allGone, signalTree } from './process-tree.js';
import { commandWith, giveFolder, rightsFor } from './rights.js';

/** A real server under the control of a test. Every method that ends it resolves after the process is gone. */
export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** As its clients want it, e.g. `nats://127.0.0.1:20123`. */
  readonly url: string;
  /** Of the current process; changes with restart. */
  readonly pid: number;
  /** SIGTERM, after 5 s SIGKILL; removes its data. Does nothing when it is not running. */
  stop(): Promise<void>;
  /** SIGKILL to it and its processes: no goodbye to clients. Keeps the data, so that restart can follow at any later time. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers (a black hole). */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Kills it if it runs, starts it again on the same port with the same data, and waits until it answers. */
  restart(): Promise<void>;
  /** The last part of what it wrote to stdout and stderr. */
  log(): string;
}

/** How to run one kind of server. */
export interface ServerPlan {
  readonly name: string;
  readonly binary: string;
  readonly port: number;
  readonly scheme: string;
  /** User and path of the URL, where clients want them in it. */
  readonly credentials?: { readonly user: string; readonly password: string; readonly path: string };
  /** What makes it end at once, also with clients connected. @default 'SIGTERM' */
  readonly stopSignal?: NodeJS.Signals;
  /** It refuses to run as root; rights.ts says what is done about that. @default false */
  readonly unprivileged?: boolean;
  /** Fills the private folder before the first start, and before one after stop, which has removed it. */
  prepare?(folder: string): Promise<void>;
  /** Command line, given the private folder of this instance. Asked for at every start. */
  args(folder: string): readonly string[];
  /** Does it answer? Called every 50 ms until true. A rejection means not yet. */
  probe(signal: AbortSignal): Promise<boolean>;
}

const startTimeoutMs = 30_000;
const logLimit = 64 * 1024;

/** Starts a server and resolves when it answers. It dies with this process, however this process ends. */
export async function startServer(plan: ServerPlan): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), `anthill-${plan.name}-`));
  const server = new ServerProcess(plan, folder);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class ServerProcess implements RunningServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly url: string;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #log = '';
  #prepared = false;

  constructor(
    private readonly plan: ServerPlan,
    private readonly folder: string,
  ) {
    this.port = plan.port;
    const { user, password, path } = plan.credentials ?? { user: '', password: '', path: '' };
    this.url = `${plan.scheme}://${user === '' ? '' : `${user}:${password}@`}${this.host}:${plan.port}${path}`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.plan.name} is not running`);
    return pid;
  }

  async start(): Promise<void> {
    const rights = rightsFor(this.plan.unprivileged ?? false);
    if (!this.#prepared) {
      mkdirSync(this.folder, { recursive: true }); // stop has removed it
      giveFolder(this.folder, rights);
      await this.plan.prepare?.(this.folder);
      this.#prepared = true;
    }
    const { file, args, identity } = commandWith(rights, this.plan.binary, this.plan.args(this.folder));
    const child = spawn(file, args, { ...identity, cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#log = (this.#log + text).slice(-logLimit)));
    }
    const killNow = () => {
      if (child.pid !== undefined) signalTree(child.pid, 'SIGKILL');
      rmSync(this.folder, { recursive: true, force: true });
    };
    process.once('exit', killNow);
    this.#gone = new Promise((resolve) => {
      const end = (why: string) => {
        process.off('exit', killNow);
        this.#log += `\n[${this.plan.name} ended: ${why}]\n`;
        if (this.#child === child) this.#child = undefined;
        resolve();
      };
      child.once('exit', (code, signal) => end(`code ${code}, signal ${signal}`));
      child.once('error', (error) => end(error.message));
    });
    await this.#ready(child);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined) {
      child.kill(this.plan.stopSignal ?? 'SIGTERM');
      const all = signalTree(this.pid, 'SIGCONT'); // what is paused receives a signal only when it runs again
      const impatient = setTimeout(() => void this.kill(), 5_000);
      await this.#gone;
      clearTimeout(impatient);
      await allGone(all); // they may still write into the folder
    }
    rmSync(this.folder, { recursive: true, force: true });
    this.#prepared = false;
  }

  async kill(): Promise<void> {
    if (this.#child === undefined) return;
    const all = signalTree(this.pid, 'SIGKILL');
    await this.#gone;
    await allGone(all);
  }

  pause(): void {
    signalTree(this.pid, 'SIGSTOP');
  }

  resume(): void {
    signalTree(this.pid, 'SIGCONT');
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  log(): string {
    return this.#log;
  }

  async #ready(child: ChildProcess): Promise<void> {
    const limit = AbortSignal.timeout(startTimeoutMs);
    while (this.#child === child && !limit.aborted) {
      const attempt = AbortSignal.any([limit, AbortSignal.timeout(2_000)]);
      // The process must be alive after the probe too: a stranger on the same port also answers.
      if ((await this.plan.probe(attempt).catch(() => false)) && this.#child === child) return;
      await delay(50);
    }
    const what = this.#child === child ? `gave no answer on ${this.url} within ${startTimeoutMs} ms` : 'ended while starting';
    throw new Error(`${this.plan.name} ${what}; its log:\n${this.#log.trim().slice(-4_000)}`);
  }
}
