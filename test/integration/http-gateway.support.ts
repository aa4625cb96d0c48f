import type { TestContext } from 'node:test';
import type { Type } from '@nestjs/common';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { HttpGateway } from '../../lib/gateway/http/http-gateway.js';
import { HttpGatewayModule } from '../../lib/gateway/http/http-gateway.module.js';
import type { HttpGatewayOptions } from '../../lib/gateway/http/http.options.js';
import { createTestingApp, type TestingAppOptions } from '../../lib/testing/testing-app.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text, parsed. */
  readonly json: Record<string, unknown>;
}

export interface Rig {
  readonly app: RpcApplication;
  readonly port: number;
  ask(path: string, init?: RequestInit): Promise<Answer>;
  /** A POST of JSON. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
}

/** An app with a gateway, stopped after the test. */
export async function gateway(t: TestContext, modules: readonly Type[], options: HttpGatewayOptions = {}, more: Partial<TestingAppOptions> = {}): Promise<Rig> {
  const app = await createTestingApp({ ...more, modules: [...modules, HttpGatewayModule.forRoot(options) as unknown as Type] });
  t.after(() => app.stop());
  const port = app.get<HttpGateway>(HttpGateway).port!;
  const ask: Rig['ask'] = async (path, init) => answerOf(await fetch(`http://127.0.0.1:${port}${path}`, init));
  return { app, port, ask, post: (path, body, headers = {}) => ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }) };
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const { status, headers } = response;
  return {
    status,
    headers,
    text,
    get json() {
      return JSON.parse(text) as Record<string, unknown>;
    },
  };
}
