import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Child } from '../integration/child.js';
import { describeWith, freePorts, openPage, type Page, projectRoot, startChromium } from '../services/index.js';

describeWith('sample 05-chat', ['chromium'], () => {
  it('lets two browsers talk', async (t) => {
    const [port = 0, gatePort = 0] = await freePorts(2);
    const child = new Child(t, '../../sample/05-chat/main.js', { args: [], cwd: projectRoot(), env: { CHAT_PORT: `${port}`, CHAT_GATE_PORT: `${gatePort}` } });
    await child.until(new RegExp(`open http://127\\.0\\.0\\.1:${port} in two windows`));
    await child.until(/ready: /);
    const chromium = await startChromium();
    t.after(() => chromium.stop());
    const enter = async (name: string): Promise<Page> => {
      const page = await openPage(chromium, `http://127.0.0.1:${port}/`);
      await page.evaluate(`(async () => {
        const form = document.getElementById('enter');
        form.elements.name.value = ${JSON.stringify(name)};
        form.requestSubmit();
        while (document.getElementById('say').hidden) await new Promise((resolve) => setTimeout(resolve, 20));
      })()`);
      return page;
    };
    const [mia, leo] = [await enter('mia'), await enter('leo')];
    const says = (page: Page, text: string) => page.evaluate(`(() => { const form = document.getElementById('say'); form.elements.text.value = ${JSON.stringify(text)}; form.requestSubmit(); })()`);
    const sees = (page: Page, count: number) =>
      page.evaluate(`(async () => {
        const lines = () => [...document.querySelectorAll('#lines li')].map((line) => line.textContent);
        while (lines().length < ${count}) await new Promise((resolve) => setTimeout(resolve, 20));
        return lines();
      })()`);
    await says(mia, 'hi <b>leo</b>');
    assert.deepEqual(await sees(leo, 1), ['miahi <b>leo</b>']);
    await says(leo, 'hi mia');
    assert.deepEqual(await sees(mia, 2), ['miahi <b>leo</b>', 'leohi mia']);
    // Who comes later is told what was said.
    assert.deepEqual(await sees(await enter('eve'), 2), ['miahi <b>leo</b>', 'leohi mia']);
    child.kill('SIGTERM');
    assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
  });
});
