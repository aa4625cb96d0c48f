import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chosen } from '../../../lib/bootstrap/plugin-choice.js';
import { BUILT_IN, mergeTables, resolvePlugin } from '../../../lib/bootstrap/plugin-table.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { json } from '../../../lib/rpc/json.codec.js';
import { custom } from '../../../lib/selector/custom.selector.js';
import { memory } from '../../../lib/transport/memory/memory.transport.js';

describe('plug-in table', () => {
  it('makes everything that comes with the package; each is what it is called', async () => {
    for (const kind of Object.keys(BUILT_IN) as (keyof typeof BUILT_IN)[]) {
      for (const name of Object.keys(BUILT_IN[kind])) {
        const plugin = await resolvePlugin(BUILT_IN, kind, name);
        // Selectors are called as the functions that make them: roundRobin. Config centres have their address behind the name.
        assert.equal(plugin.name.replace(/ .*/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), name, kind);
        assert.equal(chosen(kind, plugin).instance, plugin, `${kind} ${name} is known as an instance`);
      }
    }
  });

  it('passes options, and makes a new one each time', async () => {
    const seen: unknown[] = [];
    const table = mergeTables({ codec: { mine: (options) => (seen.push(options), json()) } });
    const [one, two] = [await resolvePlugin(table, 'codec', { name: 'mine', options: { a: 1 } }), await resolvePlugin(table, 'codec', 'mine')];
    assert.notEqual(one, two);
    assert.deepEqual(seen, [{ a: 1 }, {}]);
  });

  it('makes strategies that wrap others, by name, with options, and around an instance', async () => {
    const seen: unknown[] = [];
    const table = mergeTables({ selector: { mine: (options) => (seen.push(options), custom((nodes) => nodes[0], 'mine')) } });
    const nodes = [...'xyz'].map((id): ServiceNode => ({ id: `a@${id}`, type: 'a', version: '', address: id, metadata: { zone: id } }));
    for (const selector of ['mine', { name: 'mine', a: 1 }, custom((candidates) => candidates.at(-1))]) {
      const made = await resolvePlugin(table, 'selector', { name: 'prefer-zone', options: { zone: 'y', selector } });
      assert.equal(made.pick(nodes, { type: 'a', path: '' })?.address, 'y');
    }
    assert.deepEqual(seen, [{}, { a: 1 }]);
    await assert.rejects(resolvePlugin(table, 'selector', { name: 'prefer-zone', options: { selector: 'mime' } }), { reason: 'PLUGIN_UNKNOWN', message: /selector 'mime', which does not exist \(did you mean "mine"/ });
    await assert.rejects(resolvePlugin(table, 'selector', { name: 'prefer-zone', options: { selector: 5 } }), { reason: 'PLUGIN_INVALID' });
    await assert.rejects(resolvePlugin(table, 'selector', { name: 'consistent-hash', options: { loadFactor: 'much' } }), { reason: 'SELECTOR_OPTIONS' });
  });

  it('names of the user win, and the rest stays', async () => {
    const mine = memory();
    const table = mergeTables({ transport: { memory: () => mine } });
    assert.equal(await resolvePlugin(table, 'transport', 'memory'), mine);
    assert.notEqual(await resolvePlugin(BUILT_IN, 'transport', 'memory'), mine);
    assert.equal((await resolvePlugin(table, 'codec', 'json')).name, 'json');
    assert.equal(mergeTables(undefined), BUILT_IN);
  });

  it('knows no names but its own', async () => {
    for (const name of ['constructor', '__proto__', 'toString', '']) {
      await assert.rejects(resolvePlugin(BUILT_IN, 'transport', name), { reason: 'PLUGIN_UNKNOWN', message: new RegExp(`config names the transport '${name}', which does not exist; there are: memory, nats`) });
    }
  });

  it('passes on what a factory throws', async () => {
    const table = mergeTables({ wire: { bad: () => { throw new Error('no wire'); } } });
    await assert.rejects(resolvePlugin(table, 'wire', 'bad'), /no wire/);
  });
});

describe('what an option says', () => {
  it('is a name, a name with options, a plug-in, or nothing', () => {
    const plugin = memory();
    const choice = { name: 'nats', servers: ['x'] };
    assert.deepEqual(chosen('transport', undefined), {});
    assert.deepEqual(chosen('transport', 'nats'), { named: 'nats' });
    assert.deepEqual(chosen('transport', choice), { named: choice });
    assert.deepEqual(chosen('transport', plugin), { instance: plugin });
    // Options may be functions, and plug-ins may be plain objects.
    const withFunction = { name: 'nats', authenticator: () => {} };
    assert.deepEqual(chosen('transport', withFunction), { named: withFunction });
    const literal = { name: 'first', pick: () => undefined };
    assert.deepEqual(chosen('selector', literal), { instance: literal });
  });
});
