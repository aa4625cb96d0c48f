import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../services/index.js';
import type { WorkerJob, WorkerMessage } from './peer.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const STARTUP_MS = 30_000;

type Kind = WorkerMessage['kind'];

/** A worker process under control. */
export class Child {
  private readonly process: ChildProcess;
  private readonly heard: WorkerMessage[] = [];
  private errors = '';
  private wake = (): void => {};

  /** @param profile a name: the process writes a CPU profile of that name to .build/bench */
  constructor(
    private readonly job: WorkerJob,
    profile?: string,
  ) {
    this.process = fork(WORKER, [JSON.stringify(job)], { silent: true, execArgv: profile === undefined ? [] : profileArgs(profile) });
    this.process.on('message', (message) => {
      this.heard.push(message as WorkerMessage);
      this.wake();
    });
    this.process.on('exit', () => this.wake());
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors = (this.errors + text).slice(-4000)));
    this.process.stdout?.resume();
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Bytes that it holds on to; for a process that is ready. */
  async heap(): Promise<number> {
    this.process.send('heap');
    return (await this.next('heap')).bytes;
  }

  /** The next message of this kind. @throws Error when the process fails, ends or stays silent instead */
  async next<K extends Kind>(kind: K): Promise<Extract<WorkerMessage, { kind: K }>> {
    const deadline = Date.now() + STARTUP_MS + this.job.load.warmUpMs + this.job.load.measureMs;
    for (;;) {
      const message = this.heard.shift();
      if (message?.kind === kind) return message as Extract<WorkerMessage, { kind: K }>;
      const who = `${this.job.role} of ${this.job.peer}`;
      if (message?.kind === 'failed') throw new Error(`the ${who} failed: ${message.message}`);
      if (message !== undefined) continue;
      if (this.process.exitCode !== null || this.process.signalCode !== null) throw new Error(`the ${who} ended early: ${this.errors}`);
      if (Date.now() > deadline) throw new Error(`the ${who} did not become "${kind}" in time: ${this.errors}`);
      await this.change(deadline);
    }
  }

  /** Lets it close, and makes sure that it is gone. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.process.once('exit', () => resolve()));
    if (this.process.connected) this.process.send('stop');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 8000);
    await gone;
    clearTimeout(timer);
  }

  private change(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, deadline - Date.now()));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function profileArgs(name: string): string[] {
  const folder = join(projectRoot(), '.build', 'bench');
  mkdirSync(folder, { recursive: true });
  return ['--cpu-prof', '--cpu-prof-dir', folder, '--cpu-prof-name', `${name}.cpuprofile`];
}
