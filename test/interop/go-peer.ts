import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { buildGo, type RunningServer } from '../services/index.js';

/** A value as test/interop/go says it: a type of Go's, and the value in JSON. */
export interface Tagged {
  readonly t: string;
  readonly v?: unknown;
}

/** What mqant-caller is asked, see test/interop/go/README.md. */
export interface GoRequest {
  readonly op?: 'call' | 'callNR' | 'callArgs' | 'callNRArgs' | 'servers';
  readonly target: string;
  readonly fn?: string;
  readonly args?: readonly Tagged[];
  readonly timeoutMs?: number;
  readonly filter?: { readonly label?: readonly [string, string]; readonly version?: string };
  readonly caller?: string;
  readonly as?: string;
}

export interface GoAnswer {
  readonly result?: Tagged;
  readonly error: string;
  readonly servers?: readonly { readonly id: string; readonly address: string; readonly version: string; readonly metadata: Readonly<Record<string, string>> }[];
}

/** Where the peers meet. */
export interface World {
  readonly nats: RunningServer;
  readonly consul: RunningServer;
}

const READY_MS = 60_000;
const STOP_MS = 10_000;

/** A Go program that is a real mqant App. It ends when its stdin closes, so also when this process dies. */
export class GoPeer {
  /** Its first line. */
  readonly ready: Promise<Record<string, unknown>>;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly exited: Promise<unknown>;
  private log = '';

  private constructor(binary: string, { nats, consul }: World, flags: readonly string[], onLine: (line: string) => void) {
    this.child = spawn(binary, ['-nats', nats.url, '-consul', `${consul.host}:${consul.port}`, ...flags]);
    this.exited = once(this.child, 'exit');
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.log = (this.log + text).slice(-8000)));
    let isReady: ((line: Record<string, unknown>) => void) | undefined;
    this.ready = new Promise((resolve, reject) => {
      isReady = resolve;
      const fail = (why: string): void => reject(new Error(`${binary} ${why}; its log:\n${this.log}`));
      setTimeout(fail, READY_MS, `was not ready within ${READY_MS} ms`).unref();
      this.child.once('exit', (code) => fail(`ended with ${code}`));
    });
    createInterface(this.child.stdout).on('line', (line) => {
      if (isReady === undefined) return onLine(line);
      isReady(JSON.parse(line) as Record<string, unknown>);
      isReady = undefined;
    });
  }

  /** A node with a handler for every type; resolves when callers can find it. */
  static async service(world: World, ...flags: string[]): Promise<GoPeer> {
    const peer = new GoPeer(await buildGo('test/interop/go/cmd/mqant-service'), world, flags, () => {});
    await peer.ready;
    return peer;
  }

  /** mqant's own gate; resolves when clients can connect and backends can find it. @returns the peer and its node id */
  static async gate(world: World, tcpPort: number, wsPort: number): Promise<{ peer: GoPeer; id: string }> {
    const peer = new GoPeer(await buildGo('test/interop/go/cmd/mqant-gate'), world, ['-tcp', `127.0.0.1:${tcpPort}`, '-ws', `127.0.0.1:${wsPort}`], () => {});
    const { id } = await peer.ready;
    return { peer, id: String(id) };
  }

  /** mqant's HTTP gateway, and a service `goweb` behind NoFoundFunction. @returns the peer and the gateway's port */
  static async http(world: World): Promise<{ peer: GoPeer; port: number }> {
    const peer = new GoPeer(await buildGo('test/interop/go/cmd/mqant-http'), world, [], () => {});
    const { port } = await peer.ready;
    return { peer, port: Number(port) };
  }

  /** An App without modules that calls what it is told to. */
  static async caller(world: World): Promise<GoCaller> {
    const binary = await buildGo('test/interop/go/cmd/mqant-caller');
    const waiting = new Map<number, (answer: GoAnswer) => void>();
    const peer = new GoPeer(binary, world, [], (line) => {
      const answer = JSON.parse(line) as GoAnswer & { id: number };
      waiting.get(answer.id)?.(answer);
      waiting.delete(answer.id);
    });
    await peer.ready;
    return new GoCaller(peer, waiting);
  }

  write(line: string): void {
    this.child.stdin.write(line);
  }

  /** As mqant stops: it deregisters first. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.stdin.end();
    const impatient = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    await this.exited;
    clearTimeout(impatient);
  }
}

/** mqant's own client, driven line by line. */
export class GoCaller {
  private nextId = 1;

  constructor(
    private readonly peer: GoPeer,
    private readonly waiting: Map<number, (answer: GoAnswer) => void>,
  ) {}

  ask(request: GoRequest): Promise<GoAnswer> {
    const id = this.nextId++;
    const answer = new Promise<GoAnswer>((resolve) => this.waiting.set(id, resolve));
    this.peer.write(`${JSON.stringify({ op: 'call', timeoutMs: 5000, ...request, id })}\n`);
    return answer;
  }

  stop(): Promise<void> {
    return this.peer.stop();
  }
}
