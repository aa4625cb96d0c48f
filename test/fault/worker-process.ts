import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { withOpenFiles } from './open-files.js';
import { type Answers, type CallRecord, type LoadPlan, type Order, type Report, stamp, type WorkerPlan } from './protocol.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const START_MS = 30_000;

/** How a worker ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly at: number;
}

/** A process with an app in it, under the control of a test. */
export class WorkerProcess {
  readonly exited: Promise<Exit>;
  /** What it wrote, line by line. */
  readonly log: string[] = [];
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private readonly heard: Report[] = [];
  private readonly wakers = new Set<() => void>();
  private end: Exit | undefined;
  private endedAt = 0;
  private nextId = 1;

  constructor(
    readonly plan: WorkerPlan,
    execArgv: readonly string[] = [],
  ) {
    const how = { execPath: process.execPath, execArgv: ['--enable-source-maps', ...execArgv] };
    this.child = fork(WORKER, [JSON.stringify(plan)], { silent: true, ...(plan.openFiles === undefined ? how : withOpenFiles(plan.openFiles, how.execArgv)), serialization: 'advanced' });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        this.log.push(...lines);
        this.wake();
      });
    }
    this.child.on('message', (report: Report) => this.hear(report));
    this.exited = new Promise((resolve) => {
      // The pipes too: what it said last belongs to its log.
      this.child.once('close', (code, signal) => {
        resolve((this.end = { code, signal, at: this.endedAt }));
        for (const { reject } of this.waiting.values()) reject(new Error(`worker ${plan.name} ended: ${this.tail()}`));
        this.wake();
      });
      this.child.once('exit', () => (this.endedAt = stamp()));
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  get isRunning(): boolean {
    return this.end === undefined;
  }

  /** @throws Error when it fails or ends before */
  async ready(timeoutMs = START_MS): Promise<this> {
    await this.until('ready', () => {
      const failed = this.heard.find((report) => report.event === 'failed');
      if (failed?.event === 'failed') throw new Error(`worker ${this.plan.name} failed to start: ${failed.message}`);
      return this.heard.some((report) => report.event === 'ready');
    }, timeoutMs);
    return this;
  }

  /** Its container is built, and it starts. */
  created(): Promise<void> {
    return this.until('created', () => this.heard.some((report) => report.event === 'created'), START_MS);
  }

  /** What `start` threw. */
  async failure(): Promise<string> {
    const failed = () => this.heard.find((report) => report.event === 'failed');
    await this.until('failed', () => failed() !== undefined, START_MS);
    return (failed() as { message: string }).message;
  }

  /** A line of its log that matches; waits for it. */
  async line(pattern: RegExp, timeoutMs = 10_000): Promise<string> {
    await this.until(`a line ${pattern}`, () => this.log.some((line) => pattern.test(line)), timeoutMs);
    return this.log.find((line) => pattern.test(line))!;
  }

  ask<K extends Order['do']>(order: Extract<Order, { do: K }>): Promise<Answers[K]> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.child.send({ id, order }, (error) => error && reject(error));
    });
  }

  call(target: string, path: string, args: readonly unknown[] = [], timeoutMs?: number): Promise<{ record: CallRecord; value?: unknown }> {
    return this.ask({ do: 'call', target, path, args, ...(timeoutMs !== undefined && { timeoutMs }) });
  }

  async load(plan: LoadPlan): Promise<void> {
    await this.ask({ do: 'load', plan });
  }

  /** Sends a signal; the time it was sent. */
  kill(signal: NodeJS.Signals): number {
    this.child.kill(signal);
    return stamp();
  }

  /** Ends it by SIGTERM, expecting it to go well. */
  async stop(): Promise<Exit> {
    this.kill('SIGTERM');
    const exit = await this.exited;
    assert.equal(exit.code, 0, `worker ${this.plan.name} ended with ${exit.code ?? exit.signal}: ${this.tail()}`);
    return exit;
  }

  /** Makes sure that it is gone. */
  async destroy(): Promise<void> {
    if (this.isRunning) this.child.kill('SIGKILL');
    await this.exited;
  }

  tail(): string {
    return `\n${this.log.slice(-30).join('\n')}`;
  }

  private hear(report: Report): void {
    if (report.event !== 'answer') {
      this.heard.push(report);
      return this.wake();
    }
    const waiter = this.waiting.get(report.id);
    this.waiting.delete(report.id);
    if (report.error !== undefined) waiter?.reject(new Error(`worker ${this.plan.name}: ${report.error}`));
    else waiter?.resolve(report.value);
  }

  private async until(what: string, holds: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!holds()) {
      if (this.end !== undefined) throw new Error(`worker ${this.plan.name} ended with ${this.end.code ?? this.end.signal} before it was ${what}: ${this.tail()}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`worker ${this.plan.name} was not ${what} within ${timeoutMs} ms: ${this.tail()}`);
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.wakers.delete(done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.wakers.add(done);
      });
    }
  }

  private wake(): void {
    for (const wake of this.wakers) wake();
  }
}
