import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, afterEach, before, it } from 'node:test';
import { describeWith, findBeside, requireServer } from '../services/index.js';
import { openGate, type OpenGate } from './mqtt-gate.js';

const PATIENCE_MS = 30_000;
const KNOWN = ['-u', 'mia', '-P', 'right', '-V', 'mqttv311'];

/** A running mosquitto_sub: one line for each message, as `topic qos retain body`. */
class Subscriber {
  private readonly lines: string[] = [];
  private wake: (() => void) | undefined;
  private isOver = false;
  private errors = '';
  readonly ended: Promise<void>;

  constructor(readonly child: ChildProcessWithoutNullStreams) {
    createInterface(child.stdout).on('line', (line) => {
      this.lines.push(line);
      this.wake?.();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.ended = once(child, 'close').then(() => {
      this.isOver = true;
      this.wake?.();
    });
  }

  /** @throws when nothing comes */
  async line(): Promise<string> {
    const patience = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS);
    while (this.lines.length === 0 && !this.isOver) await new Promise<void>((resolve) => (this.wake = resolve));
    clearTimeout(patience);
    const line = this.lines.shift();
    if (line === undefined) throw new Error(`no message; it ended: ${this.errors}`);
    return line;
  }

  /** What it says of its end. */
  async end(): Promise<string> {
    await this.ended;
    return this.errors;
  }
}

describeWith('mosquitto_pub and mosquitto_sub at a gate', ['mosquitto_pub'], () => {
  let gate: OpenGate;
  const running: ChildProcessWithoutNullStreams[] = [];
  before(async () => {
    gate = await openGate();
    assert.equal((await pub(...KNOWN, '-t', 'ready', '-m', 'x', '-q', '1', '-r')).code, 0);
  });
  afterEach(() => running.splice(0).forEach((child) => child.kill('SIGKILL')));
  after(() => gate?.stop());

  const where = (): string[] => ['-h', '127.0.0.1', '-p', String(gate.ports.tcp)];
  const run = (program: string, args: readonly string[]): ChildProcessWithoutNullStreams => {
    const child = spawn(program, [...where(), ...args]);
    running.push(child);
    return child;
  };
  const pub = async (...args: string[]): Promise<{ code: number; text: string }> => {
    const child = run(requireServer('mosquitto_pub'), args);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    const [code] = await once(child, 'close');
    return { code: Number(code), text };
  };
  const subscribe = (...args: string[]): Subscriber => new Subscriber(run(findBeside(requireServer('mosquitto_pub'), 'mosquitto_sub'), ['-F', '%t %q %r %p', ...args]));
  /** Resolves when it has subscribed: then it has the retained message of `ready`. */
  const sub = async (...args: string[]): Promise<Subscriber> => {
    const subscriber = subscribe(...args, '-t', 'ready');
    // What came for it while it was away comes before.
    while (!(await subscriber.line()).startsWith('ready '));
    return subscriber;
  };

  it('are let in, or told why not', async () => {
    assert.equal((await pub(...KNOWN, '-t', 'a', '-m', 'x', '-q', '2')).code, 0);
    for (const [who, code, why] of [[['-u', 'mia', '-P', 'wrong'], 4, /bad user name or password/], [['-u', 'banned', '-P', 'right'], 5, /not authori[sz]ed/], [['-u', 'broken', '-P', 'right'], 3, /unavailable/]] as const) {
      const refused = await pub(...who, '-V', 'mqttv311', '-t', 'a', '-m', 'x');
      assert.deepEqual([refused.code, why.test(refused.text)], [code, true], refused.text);
    }
    // It speaks version 5, and is told to speak another one.
    assert.notEqual((await pub('-u', 'mia', '-P', 'right', '-V', 'mqttv5', '-t', 'a', '-m', 'x')).code, 0);
    assert.equal((await pub('-u', 'mia', '-P', 'right', '-V', 'mqttv31', '-i', 'old', '-t', 'a', '-m', 'x', '-q', '1')).code, 0);
  });

  it('publish and subscribe with every quality', async () => {
    const subscriber = await sub(...KNOWN, '-t', 'm/+', '-q', '2');
    for (const qos of ['0', '1', '2']) {
      assert.equal((await pub(...KNOWN, '-t', 'm/x', '-m', `q${qos}`, '-q', qos)).code, 0);
      assert.equal(await subscriber.line(), `m/x ${qos} 0 q${qos}`);
    }
    await pub(...KNOWN, '-t', 'm/big', '-m', 'y'.repeat(60_000), '-q', '1');
    assert.equal((await subscriber.line()).length, 'm/big 1 0 '.length + 60_000);
  });

  it('keep a session, a retained message and a will', async () => {
    const kept = [...KNOWN, '-i', 'box', '-c', '-q', '1', '-t', 'k/#'];
    const first = await sub(...kept);
    first.child.kill('SIGTERM');
    await first.ended;
    await pub(...KNOWN, '-t', 'k/away', '-m', 'queued', '-q', '1');
    await pub(...KNOWN, '-t', 'k/ret', '-m', 'old', '-q', '1', '-r');
    const second = subscribe(...kept);
    assert.deepEqual([await second.line(), await second.line()], ['k/away 1 0 queued', 'k/ret 1 0 old']);
    const third = subscribe(...KNOWN, '-t', 'k/ret', '-q', '0');
    assert.equal(await third.line(), 'k/ret 0 1 old');
    await pub(...KNOWN, '-t', 'k/ret', '-n', '-r', '-q', '1');
    const dying = await sub(...KNOWN, '-t', 'none', '--will-topic', 'k/will', '--will-payload', 'gone', '--will-qos', '1');
    dying.child.kill('SIGKILL');
    // Among what else it gets: the retained message of its subscription, and that it was cleared.
    for (let line = ''; line !== 'k/will 1 0 gone'; line = await second.line()) assert.match(line, /^(k\/ret|$)/);
  });

  it('are told that they may not subscribe', async () => {
    assert.match(await subscribe(...KNOWN, '-t', 'private/x', '-E').end(), /subscription requests were denied/);
  });
});
