import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { validateModuleTypes } from '../../../lib/config/module-groups.js';
import { bootErrorOf, configOf, FILE, fromFile } from './support.js';

const MODULE = {
  web: [{ Id: 'web1', ProcessID: 'development', Settings: { port: 1 } }, { Id: 'web2', ProcessID: 'front', Settings: { port: 2 }, Anthill: { nodeId: 'w2' } }],
  gate: [{ Id: 'gate1', ProcessID: 'front' }],
  login: [{ Id: 'login1', ProcessID: 'development' }],
};

describe('config: process groups', () => {
  test('without a Module section all types run', () => {
    const config = configOf({ Settings: {} });
    assert.equal(config.groups, undefined);
    assert.ok(config.runs('anything'));
  });

  test('with one, exactly the types with an entry of this ProcessID run; the others are listed with theirs', () => {
    const config = configOf({ Module: MODULE });
    assert.deepEqual(config.groups, { running: ['web', 'login'], others: [{ type: 'gate', processIds: ['front'] }] });
    assert.deepEqual([config.runs('web'), config.runs('gate'), config.runs('unlisted')], [true, false, false]);
  });

  test('settings, id and node of a module are those of its entry in this group', () => {
    assert.deepEqual(configOf({ Module: MODULE }).moduleOf('web'), { id: 'web1', settings: { port: 1 }, metadata: {} });
    assert.deepEqual(configOf({ Module: MODULE }, 'front').moduleOf('web'), { id: 'web2', settings: { port: 2 }, nodeId: 'w2', metadata: {} });
    assert.deepEqual(configOf({ Module: MODULE }, 'front').moduleOf('login'), { settings: {}, metadata: {} });
  });

  test("an entry's words win over Anthill.modules, which serves all groups", () => {
    const file = { Module: MODULE, Anthill: { modules: { web: { nodeId: 'all', version: '3', settings: { port: 9, host: 'h' } } } } };
    assert.deepEqual(configOf(file, 'front').moduleOf('web'), { id: 'web2', nodeId: 'w2', version: '3', settings: { port: 2, host: 'h' }, metadata: {} });
  });

  test('a process group that no entry has: nothing runs, and a warning says which there are', () => {
    const { config, warnings } = fromFile({ Module: MODULE }, 'developmnet');
    assert.deepEqual(config.groups!.running, []);
    assert.deepEqual(warnings, ['no entry of Module has ProcessID "developmnet" (did you mean "development"?): this process runs no module (flag -pid). The file has: development, front']);
    assert.equal(fromFile({ Module: {} }).warnings.length, 1);
  });

  test('an Id used twice anywhere in the file is an error that names both places', () => {
    const { message } = bootErrorOf(() => fromFile({ Module: { web: [{ Id: 'a', ProcessID: 'x' }], gate: [{ Id: 'b', ProcessID: 'x' }, { Id: 'a', ProcessID: 'y' }] } }));
    assert.deepEqual(message.split('\n'), [
      `${FILE}:1:82: Module.gate[1]: Id "a" is taken by Module.web[0]: ids are unique over the whole file`,
      // Whoever mends the mistake sees at once what else is odd.
      'noticed besides:',
      '  - no entry of Module has ProcessID "development": this process runs no module (flag -pid). The file has: x, y',
    ]);
  });

  test('a ProcessID used twice by one type is an error; by two types it is the point of groups', () => {
    const { message } = bootErrorOf(() => fromFile({ Module: { web: [{ Id: 'a', ProcessID: 'x' }, { Id: 'b', ProcessID: 'x' }] } }));
    assert.match(message, /Module\.web\[1\]: ProcessID "x" is taken by Module\.web\[0\]/);
    assert.doesNotThrow(() => fromFile({ Module: { web: [{ ProcessID: 'development' }], gate: [{ ProcessID: 'development' }] } }));
  });

  test('the rules hold across sources too', () => {
    const centre = { name: 'centre', tree: { Module: { gate: [{ Id: 'a', ProcessID: 'x' }] } } };
    assert.match(bootErrorOf(() => fromFile({ Module: { web: [{ Id: 'a', ProcessID: 'x' }] } }, 'x', [centre])).message, /^all sources together: Module\.gate\[0\]: Id "a" is taken by Module\.web\[0\]/);
  });

  test('an entry without ProcessID runs nowhere and says so', () => {
    const { config, warnings } = fromFile({ Module: { web: [{ Settings: { Port: 6010 } }, {}], gate: [{ ProcessID: 'development' }] } });
    assert.deepEqual(config.groups, { running: ['gate'], others: [{ type: 'web', processIds: [] }] });
    assert.match(warnings[0]!, /Module\.web\[0\] has no ProcessID: it runs in no process\. Write "ProcessID": "development"/);
    assert.equal(warnings.length, 2);
  });

  test('types that no class has are told, with the class that may be meant', () => {
    const config = configOf({ Module: { helloword: [{ ProcessID: 'development' }], zebra: [{ ProcessID: 'development' }], web: [{ ProcessID: 'development' }] } });
    assert.deepEqual(validateModuleTypes(config, ['helloworld', 'web']), [
      `${FILE}: no class has the module type "helloword" (did you mean "helloworld"?); the entry has no effect`,
      `${FILE}: no class has the module type "zebra"; the entry has no effect`,
    ]);
  });

  test('types of other groups may live in another program: told only when they look like a slip', () => {
    const config = configOf({ Module: { gate: [{ ProcessID: 'go' }], logni: [{ ProcessID: 'front' }], web: [{ ProcessID: 'development' }] } });
    assert.deepEqual(validateModuleTypes(config, ['web', 'login']), [`${FILE}: no class has the module type "logni" (did you mean "login"?); the entry has no effect`]);
    assert.deepEqual(validateModuleTypes(config, ['web']), []);
  });

  test('Anthill.modules counts as mentioned too', () => {
    const config = configOf({ Anthill: { modules: { wbe: { version: '2' } } } });
    assert.match(validateModuleTypes(config, ['web'])[0]!, /"wbe" \(did you mean "web"\?\)/);
  });
});
