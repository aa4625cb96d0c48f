import { execFile, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { requireServer, servicesFolder } from '../services/find-server.js';
import { buildGo } from '../services/index.js';

const READY_MS = 60_000;
const STOP_MS = 10_000;

/** A request to addclient. 64-bit integers are strings. */
export interface AddRequest {
  readonly a: string;
  readonly b: string;
  readonly timeoutMs?: number;
  readonly cancelMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A request to hrpcpeer. */
export interface HrpcRequest {
  readonly target: string;
  readonly tag?: string;
  readonly a: string;
  readonly b: string;
  readonly message?: Readonly<Record<string, unknown>>;
}

/** What addclient got. */
export interface AddAnswer {
  readonly v: string;
  readonly err: string;
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly reason: string; readonly domain: string; readonly metadata: Readonly<Record<string, string>> | null }[];
}

/** Each once per process: several of one kind start at the same time. */
const built = new Map<string, Promise<string>>();

/** A Go program of go-grpc: lines of JSON in and out. It ends when its stdin closes, so also when this process dies. */
export class GoGrpcPeer {
  /** Its lines after the first. */
  readonly events: Record<string, unknown>[] = [];
  private readonly waiting = new Map<number, (answer: AddAnswer) => void>();
  private nextId = 1;
  private log = '';

  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    readonly ready: Record<string, unknown>,
  ) {
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.log = (this.log + text).slice(-4000)));
  }

  static async start(command: 'addserver' | 'addclient' | 'hrpcpeer', flags: readonly string[]): Promise<GoGrpcPeer> {
    let binary = built.get(command);
    if (binary === undefined) built.set(command, (binary = buildGo(`test/interop/go-grpc/cmd/${command}`)));
    const child = spawn(await binary, flags);
    const lines = createInterface(child.stdout);
    const first = await Promise.race([
      once(lines, 'line', { signal: AbortSignal.timeout(READY_MS) }),
      once(child, 'exit').then(async ([code]) => Promise.reject(new Error(`${command} ended with ${String(code)}: ${String(child.stderr.read() ?? '')}`))),
    ]);
    const peer = new GoGrpcPeer(child, JSON.parse(String(first[0])) as Record<string, unknown>);
    lines.on('line', (line) => peer.hear(JSON.parse(line) as Record<string, unknown>));
    return peer;
  }

  /** For addclient. */
  add(request: AddRequest): Promise<AddAnswer> {
    return this.ask({ timeoutMs: 5000, cancelMs: 0, metadata: {}, ...request });
  }

  /** For hrpcpeer: finds an instance by name and tag, and calls it. */
  call(request: HrpcRequest): Promise<AddAnswer> {
    return this.ask(request);
  }

  private ask(request: object): Promise<AddAnswer> {
    const id = this.nextId++;
    const answer = new Promise<AddAnswer>((resolve) => this.waiting.set(id, resolve));
    this.child.stdin.write(`${JSON.stringify({ ...request, id })}\n`);
    return answer;
  }

  /** Nothing is said any more, to nobody. */
  async kill(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    const impatient = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    this.child.stdin.end();
    await exited;
    clearTimeout(impatient);
  }

  private hear(line: Record<string, unknown>): void {
    const answer = this.waiting.get(Number(line['id']));
    if (answer === undefined) return void this.events.push(line);
    this.waiting.delete(Number(line['id']));
    answer(line as unknown as AddAnswer);
  }
}

/** Commands of others: built once, by `go install`. The versions that the tests were written with. */
const TOOLS = {
  grpcurl: 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3',
  'grpc-health-probe': 'github.com/grpc-ecosystem/grpc-health-probe@v0.4.40',
} as const;

/** Runs a tool of gRPC; resolves with what it prints, on whichever stream, and its exit code. */
export async function goTool(name: keyof typeof TOOLS, args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const folder = servicesFolder('interop', 'tools', TOOLS[name].split('@')[1]!);
  const binary = join(folder, name);
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const env = { ...process.env, GOBIN: folder, GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' };
    await promisify(execFile)(requireServer('go'), ['install', TOOLS[name]], { env, timeout: 600_000 });
  }
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? -1, output };
}
