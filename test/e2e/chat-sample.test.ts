import assert from 'node:assert/strict';
import { it } from 'node:test';
import { WebSocket } from 'ws';
import { connect, type WebSocketClass } from '../../lib/client/index.js';
import { Child } from '../integration/child.js';
import { describeWith, freePorts, openPage, type Page, projectRoot, startChromium } from '../services/index.js';

describeWith('sample 05-chat', ['chromium'], () => {
  it('lets two browsers talk', async (t) => {
    const [port = 0, gatePort = 0] = await freePorts(2);
    const start = async (): Promise<Child> => {
      const child = new Child(t, '../../sample/05-chat/main.js', { args: [], cwd: projectRoot(), env: { CHAT_PORT: `${port}`, CHAT_GATE_PORT: `${gatePort}` } });
      await child.until(new RegExp(`open http://127\\.0\\.0\\.1:${port} in two windows`));
      await child.until(/ready: /);
      return child;
    };
    const stop = async (child: Child): Promise<void> => {
      child.kill('SIGTERM');
      assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
    };
    const child = await start();
    const chromium = await startChromium();
    t.after(() => chromium.stop());
    const enter = async (name: string): Promise<Page> => {
      const page = await openPage(chromium, `http://127.0.0.1:${port}/`);
      await page.evaluate(`(async () => {
        const form = document.getElementById('enter');
        form.elements.name.value = ${JSON.stringify(name)};
        form.requestSubmit();
        while (document.getElementById('room').hidden) await new Promise((resolve) => setTimeout(resolve, 20));
      })()`);
      return page;
    };
    const [mia, leo] = [await enter('mia'), await enter('leo')];
    const says = (page: Page, text: string) => page.evaluate(`(() => { const form = document.getElementById('say'); form.elements.text.value = ${JSON.stringify(text)}; form.requestSubmit(); })()`);
    const sees = (page: Page, count: number) =>
      page.evaluate(`(async () => {
        const lines = () => [...document.querySelectorAll('#lines li')].map((line) => [line.querySelector('b').textContent, line.querySelector('span').textContent, line.className]);
        while (lines().length < ${count}) await new Promise((resolve) => setTimeout(resolve, 20));
        return lines();
      })()`);
    await says(mia, 'hi <b>leo</b>');
    assert.deepEqual(await sees(leo, 1), [['mia', 'hi <b>leo</b>', '']]);
    await says(leo, 'hi mia');
    assert.deepEqual(await sees(mia, 2), [['mia', 'hi <b>leo</b>', 'own'], ['leo', 'hi mia', '']]);
    // Who comes later is told what was said.
    assert.equal(((await sees(await enter('eve'), 2)) as unknown[]).length, 2);

    const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
    assert.deepEqual(await (await ask('/rooms')).json(), [{ room: 'lobby', lines: 2 }]);
    assert.equal((await ask('/rooms/HD_say', { method: 'POST' })).status, 404, 'only routes are reachable');
    assert.equal((await ask('/client/..%2findex.js')).status, 404);
    const refused = await ask('/login', { method: 'POST', body: '{"name":"<b>"}', headers: { 'content-type': 'application/json' } });
    assert.deepEqual([refused.status, ((await refused.json()) as { reason: string }).reason], [400, 'NAME']);
    const forged = connect({ url: `ws://127.0.0.1:${gatePort}`, WebSocket: WebSocket as unknown as WebSocketClass, username: 'mia', password: 'mia.forged' });
    await assert.rejects(forged, { code: 'refused', message: /credentials/ });

    // A chat that begins anew has forgotten all lines: pages show that when they are in their rooms again.
    await stop(child);
    const again = await start();
    const isEmpty = (page: Page) => page.evaluate(`(async () => { while (document.querySelector('#lines li')) await new Promise((resolve) => setTimeout(resolve, 20)); })()`);
    await Promise.all([isEmpty(mia), isEmpty(leo)]);
    await says(mia, 'here again');
    assert.deepEqual(await sees(leo, 1), [['mia', 'here again', '']]);
    await stop(again);
  });
});
