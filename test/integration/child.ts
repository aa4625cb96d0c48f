import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A process of a test: what it prints, how it ends. Gone when the test is. */
export class Child {
  output = '';
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  private readonly process: ChildProcess;
  private waiting: { pattern: RegExp; resolve: (text: string) => void; reject: (error: Error) => void }[] = [];

  /** @param script compiled file, from this folder */
  constructor(t: TestContext, script: string, { args = [], execArgv = [], env = {}, cwd }: ChildOptions = {}) {
    const file = fileURLToPath(new URL(script, import.meta.url));
    const environment: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', ...env };
    delete environment['NODE_TEST_CONTEXT'];
    this.process = spawn(process.execPath, [...execArgv, file, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment, cwd });
    for (const stream of [this.process.stdout!, this.process.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => this.printed(text));
    this.exit = new Promise((resolve) => {
      this.process.once('close', (code, signal) => {
        resolve({ code, signal });
        for (const { pattern, reject } of this.waiting.splice(0)) reject(new Error(`it ended (${code ?? signal}) without printing ${pattern}; it printed:\n${this.output}`));
      });
    });
    t.after(async () => {
      this.process.kill('SIGKILL');
      await this.exit;
    });
  }

  /** Resolves with the first match, printed already or later. */
  until(pattern: RegExp): Promise<string> {
    const match = pattern.exec(this.output);
    if (match) return Promise.resolve(match[0]);
    return new Promise((resolve, reject) => this.waiting.push({ pattern, resolve, reject }));
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Lines of the fixture's own: `> text`. */
  notes(): string[] {
    return this.output.split('\n').filter((line) => line.startsWith('> ')).map((line) => line.slice(2));
  }

  private printed(text: string): void {
    this.output += text;
    for (const waiter of [...this.waiting]) {
      const match = waiter.pattern.exec(this.output);
      if (!match) continue;
      this.waiting.splice(this.waiting.indexOf(waiter), 1);
      waiter.resolve(match[0]);
    }
  }
}
