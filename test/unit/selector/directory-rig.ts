import assert from 'node:assert/strict';
import { RpcError } from '../../../lib/common/rpc-error.js';
import type { SelectOptions } from '../../../lib/common/selection.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import type { ServiceDirectoryOptions } from '../../../lib/selector/directory-options.js';
import { roundRobin } from '../../../lib/selector/round-robin.selector.js';
import { ServiceDirectory } from '../../../lib/selector/service-directory.js';
import { FakeClock, sequence } from '../registry/fake-clock.js';
import { ScriptedDiscovery } from './scripted-discovery.js';

export const node = (id: string, more: Partial<ServiceNode> = {}): ServiceNode => ({ id: `a@${id}`, type: 'a', version: '1', address: id, metadata: {}, ...more });
export const good = { ok: true, latencyMs: 1 };

/** A directory over a registry that the test holds in its hand, with a clock that stands still; round robin, so that picks show who is a candidate. */
export function setUp(nodes: ServiceNode[] = [], options: ServiceDirectoryOptions = {}) {
  const clock = new FakeClock();
  const discovery = new ScriptedDiscovery();
  if (nodes.length > 0) discovery.set('a', nodes);
  const directory = new ServiceDirectory(discovery, { clock, random: sequence(0.5), selector: roundRobin(), ...options });
  const pick = async (target = 'a', select?: SelectOptions, exclude?: string[]) => directory.pick(target, '/p', select, exclude && new Set(exclude));
  const sequenceOf = async (count: number, select?: SelectOptions) => {
    let addresses = '';
    for (let i = 0; i < count; i++) addresses += (await pick('a', select)).node.address;
    return addresses;
  };
  const distinct = async (select?: SelectOptions) => [...new Set(await sequenceOf(12, select))].sort().join('');
  return { clock, discovery, directory, pick, sequenceOf, distinct };
}

/** The error of work that must fail. */
export async function failure(work: Promise<unknown>): Promise<RpcError> {
  const error = await work.then(() => assert.fail('it should have failed'), (cause: unknown) => cause);
  assert.ok(RpcError.is(error), `${error}`);
  return error;
}
