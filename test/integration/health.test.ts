import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { ModulesOptions } from '../../lib/bootstrap/app-options.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { AppPart } from '../../lib/common/lifecycle.js';
import { HealthModule } from '../../lib/health/health.module.js';
import { HealthServer } from '../../lib/health/health.server.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { freePort } from '../services/index.js';
import { isolated } from './app.support.js';

@RpcModule({ type: 'x' })
class X {}

async function created(t: TestContext, options: ModulesOptions): Promise<RpcApplication> {
  const app = await RpcFactory.create({ ...isolated, ...options });
  t.after(() => app.stop());
  return app;
}

/** Status and text of an answer; undefined where nobody listens. */
async function ask(port: number, path: string): Promise<[number, string] | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return [answer.status, await answer.text()];
  } catch {
    return undefined;
  }
}

describe('health of an app over HTTP', () => {
  it('is there while the app starts, ready when it is, not ready while it drains, and gone last', async (t) => {
    const port = await freePort();
    const seen: Record<string, unknown> = {};
    const look = async (when: string): Promise<void> => {
      const [live, ready] = [await ask(port, '/livez'), await ask(port, '/readyz')];
      seen[when] = [live?.[0], ready?.[0], ready && (JSON.parse(ready[1]) as { state: string }).state];
    };
    let status: 'up' | 'down' = 'up';
    const part: AppPart = { name: 'disk', phase: 'registry', start: () => look('starting'), stop: () => look('closing'), health: () => ({ status }) };
    const gate: AppPart = { name: 'gate', phase: 'ingress', stop: () => look('draining') };
    const app = await created(t, { modules: [X], parts: [part, gate], health: { port, host: '127.0.0.1' }, advertise: { host: '10.0.0.5' } });
    await look('created');
    await app.start();
    await look('ready');
    status = 'down';
    await look('down');
    status = 'up';
    // It listens on that address only, whatever others of the process do.
    assert.equal((await app.registry.get('x')).nodes[0]!.metadata['anthill.health'], `127.0.0.1:${port}`);
    await app.stop();
    await look('stopped');
    assert.deepEqual(seen, {
      created: [undefined, undefined, undefined],
      starting: [200, 503, 'starting'],
      ready: [200, 200, 'ready'],
      down: [200, 503, 'ready'],
      draining: [200, 503, 'draining'],
      closing: [200, 503, 'draining'],
      stopped: [undefined, undefined, undefined],
    });
  });

  it('is asked for by config alone, by a module, and by nothing', async (t) => {
    const env = { ANTHILL_HEALTH__PORT: '0', ANTHILL_HEALTH__HOST: '127.0.0.1' };
    const shown = async (app: RpcApplication) => (await app.registry.get('x')).nodes[0]!.metadata['anthill.health'];
    const started = async (options: ModulesOptions) => (await created(t, options)).start();
    assert.match((await shown(await started({ modules: [X], env })))!, /:\d+$/);
    assert.equal(await shown(await started({ modules: [X], env: { ...env, ANTHILL_HEALTH__ENABLED: 'false' } })), undefined);
    assert.equal(await shown(await started({ modules: [X] })), undefined);
    const byModule = await started({ modules: [X, HealthModule.forRoot({ port: 0, host: '127.0.0.1' }) as never] });
    assert.deepEqual(await ask(byModule.get(HealthServer).port!, '/'), [200, "I'm alive."]);
    // Two would be one too many.
    const both = await started({ modules: [X, HealthModule.forRoot({ port: 0, host: '127.0.0.1' }) as never], env });
    assert.equal(both.get(HealthServer), undefined);
  });

  it('keeps the app from starting where its port is taken, with nothing left behind', async (t) => {
    const first = await (await created(t, { modules: [HealthModule.forRoot({ port: 0, host: '127.0.0.1' }) as never] })).start();
    const port = first.get(HealthServer).port!;
    const app = await created(t, { modules: [X], health: { port, host: '127.0.0.1' } });
    await assert.rejects(app.start(), { reason: 'HEALTH_PORT' });
    assert.equal(app.state, 'failed');
  });
});
