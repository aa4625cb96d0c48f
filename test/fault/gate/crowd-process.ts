import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { withOpenFiles } from '../open-files.js';
import type { CrowdCounts } from './light-client.js';

const CROWD = fileURLToPath(new URL('./crowd.js', import.meta.url));

/** Orders to a crowd. */
export type CrowdOrder =
  /** Resolves when so many clients are in. */
  | { readonly do: 'open'; readonly count: number; readonly port: number }
  /** Resolves when all are in. */
  | { readonly do: 'all' }
  /** All connections break in one moment. */
  | { readonly do: 'drop' }
  /** Each makes a request with an answer; resolves when all have it, with the moment of the last. */
  | { readonly do: 'ask'; readonly topic: string }
  /** Resolves when each has a message on the topic, with the moment of the last. */
  | { readonly do: 'heard'; readonly topic: string }
  | { readonly do: 'counts' };

interface CrowdAnswers {
  open: null;
  all: null;
  drop: null;
  ask: number;
  heard: number;
  counts: CrowdCounts;
}

/** Many clients in a process of their own. */
export class CrowdProcess {
  private readonly child: ChildProcess;
  private readonly exited: Promise<void>;
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private nextId = 1;

  /** @param openFiles that it needs */
  constructor(openFiles: number) {
    this.child = fork(CROWD, [], { ...withOpenFiles(openFiles, ['--enable-source-maps']), stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
      const waiter = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) waiter?.resolve(value);
      else waiter?.reject(new Error(`the crowd: ${error}`));
    });
    this.exited = new Promise((resolve) => this.child.once('exit', (code, signal) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the crowd ended with ${code ?? signal}`));
      resolve();
    }));
  }

  /** @throws Error when it is not done within `limitMs` */
  async ask<K extends CrowdOrder['do']>(order: Extract<CrowdOrder, { do: K }>, limitMs = 60_000): Promise<CrowdAnswers[K]> {
    const id = this.nextId++;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        timer = setTimeout(() => void this.late(order, limitMs).then(reject), limitMs);
        this.child.send({ id, order }, (error) => error && reject(error));
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async destroy(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  private async late(order: CrowdOrder, limitMs: number): Promise<Error> {
    const counts = order.do === 'counts' ? 'no answer' : JSON.stringify(await this.ask({ do: 'counts' }, 5000).catch((error: Error) => error.message));
    return new Error(`the crowd was not done with ${JSON.stringify(order)} within ${limitMs} ms: ${counts}`);
  }
}
