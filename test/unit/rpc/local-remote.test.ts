import { after, before, describe, test } from 'node:test';
import { json } from '../../../lib/rpc/json.codec.js';
import type { Rpc } from '../../../lib/rpc/rpc.client.js';
import { callScenarios } from './scenarios-calls.js';
import { errorScenarios } from './scenarios-errors.js';
import { typeScenarios } from './scenarios-types.js';
import { valueScenarios } from './scenarios-values.js';
import { Cluster } from './support.js';

const scenarios = [...valueScenarios, ...callScenarios, ...errorScenarios, ...typeScenarios];

// Where a node runs is configuration: no caller may see the difference.
for (const where of ['local', 'remote', 'remote, in JSON'] as const) {
  describe(`a ${where} call`, () => {
    for (const { name, handlers, run } of scenarios) {
      describe(name, () => {
        const cluster = new Cluster();
        let rpc: Rpc;
        before(async () => {
          const { caller, callee } = await cluster.pair(handlers);
          rpc = where === 'local' ? callee.rpc : where === 'remote' ? caller.rpc : caller.rpc.with({ codec: json() });
        });
        after(() => cluster.stop());
        test(where, () => run(rpc));
      });
    }
  });
}
