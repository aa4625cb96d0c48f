import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AppOptions } from '../../../lib/bootstrap/app-options.js';
import { RpcFactory } from '../../../lib/bootstrap/rpc.factory.js';
import { RpcContext } from '../../../lib/common/call-context.js';
import { systemClock } from '../../../lib/common/clock.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import type { LogFields, Logger } from '../../../lib/common/logger.js';
import { serverLog } from '../../../lib/bootstrap/call-log.js';

const isolated: AppOptions = { flags: false, env: {}, configFile: false, logger: false };

describe('options of create()', () => {
  it('one that does not exist is a mistake, not nothing', async () => {
    const options = { ...isolated, killWaitMS: 5, mapRouts: () => 'x' };
    await assert.rejects(RpcFactory.create({ modules: [], ...options }), {
      reason: 'BOOT_FAILED',
      message: /1\. option killWaitMS does not exist \(did you mean "killWaitMs"\?\)[\s\S]*2\. option mapRouts does not exist \(did you mean "mapRoute"\?\)/,
    });
  });

  it('modules is a list', () => assert.rejects(RpcFactory.create({} as never), { reason: 'CONFIG_INVALID', message: /option modules must be a list of classes/ }));
});

describe('log of served calls', () => {
  it('has the code that the caller gets, and the hooks of the user behind it', () => {
    const lines: unknown[] = [];
    const logger: Logger = { debug() {}, error() {}, info: (line, fields) => lines.push(line, fields), warn: (line, fields?: LogFields) => lines.push(line, fields) };
    const seen: string[] = [];
    class Listener {
      private readonly seen = seen;
      before(): void { this.seen.push('before'); }
      complete(): void { this.seen.push('complete'); }
      error(): void { this.seen.push('error'); }
    }
    const hooks = serverLog(logger, new Listener());
    const context = new RpcContext({ path: '/x', nodeId: 'a@1', caller: '', deadlineAt: Infinity, wire: 'local' }, systemClock);
    const call = { path: '/x', args: [], context };
    void hooks.before?.(call);
    hooks.complete?.(call, 1, 2.4);
    hooks.error?.(call, new RpcError({ code: 'PERMISSION_DENIED', message: 'no' }), 7);
    assert.deepEqual(lines, ['rpc server', { target: 'a@1', path: '/x', ms: 2 }, 'rpc server failed', { target: 'a@1', path: '/x', ms: 7, code: 'PERMISSION_DENIED' }]);
    assert.deepEqual(seen, ['before', 'complete', 'error']);
    assert.equal(hooks.unknown, undefined);
  });
});
