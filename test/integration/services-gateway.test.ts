import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import mqtt, { type MqttClient } from 'mqtt';
import { describeWith, openPage, startChromium, startMosquitto } from '../services/index.js';

/** Subscribes, publishes, and gives what is received first: what was retained, or else what was published. */
async function firstAfter(client: MqttClient, text: string, options: { retain?: boolean }): Promise<string> {
  const first = new Promise<string>((resolve) => client.once('message', (_topic, payload) => resolve(payload.toString())));
  await client.subscribeAsync('a');
  await client.publishAsync('a', text, { qos: 1, ...options });
  return first;
}

describeWith('a Mosquitto for tests', ['mosquitto'], () => {
  it('forgets by kill what was retained, and returns on the same port', async (t) => {
    const mosquitto = await startMosquitto();
    t.after(() => mosquitto.stop());
    const before = await mqtt.connectAsync(mosquitto.url, { reconnectPeriod: 0 });
    assert.equal(await firstAfter(before, 'one', { retain: true }), 'one');
    const lost = new Promise<void>((resolve) => before.once('close', resolve));
    await mosquitto.kill();
    await lost;
    await assert.rejects(mqtt.connectAsync(mosquitto.url, { reconnectPeriod: 0 }, false), { code: 'ECONNREFUSED' });
    await mosquitto.restart();
    const after = await mqtt.connectAsync(mosquitto.url, { reconnectPeriod: 0 });
    assert.equal(await firstAfter(after, 'two', {}), 'two');
    await after.endAsync();
  });

  it('tells a mistake in its configuration with its log', async () => {
    await assert.rejects(startMosquitto({ config: 'nonsense 1' }), /mosquitto ended while starting; its log:[^]*nonsense/);
  });
});

describeWith('a Chromium for tests', ['chromium'], () => {
  it('runs the script of a page that the test serves, and says what it throws', async (t) => {
    const site = createServer((request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(request.url === '/' ? '<p id=a>?</p><script>a.textContent = 6 * 7</script>' : 'from the server');
    });
    site.listen(0, '127.0.0.1');
    t.after(() => site.close());
    await once(site, 'listening');
    const chromium = await startChromium();
    t.after(() => chromium.stop());
    const page = await openPage(chromium, `http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    assert.equal(await page.evaluate('a.textContent'), '42');
    assert.equal(await page.evaluate(`fetch('/x').then((response) => response.text())`), 'from the server');
    await assert.rejects(page.evaluate(`Promise.reject(new TypeError('no such thing'))`), /TypeError: no such thing/);
    assert.equal((await page.screenshot()).toString('latin1', 1, 4), 'PNG');
    await page.close();
    await assert.rejects(page.evaluate('1'));
  });

  it('tells a page that is not there', async (t) => {
    const chromium = await startChromium();
    t.after(() => chromium.stop());
    await assert.rejects(openPage(chromium, 'http://127.0.0.1:9/'), /ERR_/);
  });
});
