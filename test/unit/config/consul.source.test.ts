import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { consulConfig } from '../../../lib/config/consul.source.js';

interface Answer {
  readonly status?: number;
  readonly index?: string;
  readonly rows?: Record<string, string>;
  /** Keys were left out, for want of rights; newer Consuls say so. */
  readonly filtered?: boolean;
}

/** A Consul that answers what it is told, one after the other, and holds the rest. */
class Script {
  readonly asked: string[] = [];
  private readonly held: ServerResponse[] = [];
  constructor(private readonly answers: Answer[]) {}

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    this.asked.push(new URL(request.url!, 'http://x').searchParams.get('index') ?? 'none');
    const answer = this.answers.shift();
    if (answer === undefined) return void this.held.push(response);
    const { status = 200, index = '1', rows = {}, filtered = false } = answer;
    const body = Object.entries(rows).map(([Key, text]) => ({ Key, Value: Buffer.from(text).toString('base64'), ModifyIndex: text.length }));
    response.writeHead(status, { 'content-type': 'application/json', 'x-consul-index': index, 'x-consul-results-filtered-by-acls': `${filtered}` }).end(status === 200 ? JSON.stringify(body) : 'no');
  };

  end(): void {
    for (const response of this.held) response.destroy();
  }
}

describe('config/consul: the watch', () => {
  let server: Server;
  let script: Script;
  before(async () => {
    server = createServer((request, response) => script.handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => server.close());

  /** The states that a watch shows before the script is at its end. */
  async function watched(answers: Answer[], states: number): Promise<unknown[]> {
    script = new Script(answers);
    const source = consulConfig({ addr: `127.0.0.1:${(server.address() as AddressInfo).port}`, prefix: 'p', env: {} });
    const seen: unknown[] = [];
    for await (const { tree } of source.watch!(new AbortController().signal)) {
      seen.push(tree);
      if (seen.length === states) break;
    }
    await source.close!();
    script.end();
    return seen;
  }

  test('asks with the index it was given, from the start again when it goes back, and shows what changed', async () => {
    const seen = await watched([{ index: '9', rows: { 'p/a': '1' } }, { index: '12', rows: { 'p/a': '22' } }, { index: '3', rows: { 'p/a': '333' } }, { index: '4', rows: { 'p/a': '4444' } }], 4);
    assert.deepEqual(seen, [{ a: 1 }, { a: 22 }, { a: 333 }, { a: 4444 }]);
    assert.deepEqual(script.asked, ['none', '9', '12', 'none']);
  });

  test('an answer that says nothing new is not shown', async () => {
    assert.deepEqual(await watched([{ index: '5', rows: { 'p/a': '1' } }, { index: '6', rows: { 'p/a': '1' } }, { index: '7', rows: { 'p/a': '22' } }], 2), [{ a: 1 }, { a: 22 }]);
  });

  test('an error is told by health, and what comes after is shown', async () => {
    assert.deepEqual(await watched([{ rows: { 'p/a': '1' } }, { status: 500 }, { index: '8', rows: { 'p/a': '22' } }], 2), [{ a: 1 }, { a: 22 }]);
    assert.deepEqual(script.asked, ['none', '1', 'none']);
  });

  test('rights that are taken away do not look like keys that are taken out; some that were never given are no trouble', async () => {
    const seen = await watched([{ rows: { 'p/a': '1' }, filtered: true }, { status: 404, filtered: true }, { index: '8', rows: { 'p/a': '22' } }, { index: '9', status: 404 }], 3);
    assert.deepEqual(seen, [{ a: 1 }, { a: 22 }, {}]);
  });
});
