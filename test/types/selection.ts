/* Compiled with the project, never run: a wrong line here fails the build. */
import { consistentHash, custom, leastInFlight, preferZone, RpcFactory, roundRobin, type PickExplanation, type Rpc, type Selector } from '../../lib/index.js';

declare const rpc: Rpc;

export async function right(): Promise<void> {
  const nested: Selector = preferZone({ zone: 'east', minShare: 0.3, selector: preferZone({ key: 'rack', selector: consistentHash({ loadFactor: Infinity }) }) });
  await RpcFactory.create({ modules: [], zone: 'east', selector: nested, discovery: { panicThreshold: 40, outlierDetection: { consecutiveFailures: 5, codes: ['UNAVAILABLE'] } } });
  await RpcFactory.create({ modules: [], selector: { name: 'prefer-zone', selector: { name: 'consistent-hash', replicas: 20 } } });
  const found: PickExplanation = await rpc.explain('room', '/join', { hashKey: 'x', exclude: ['room@1'], selector: roundRobin() });
  const score: number | undefined = found.nodes[0]?.score;
  // A strategy of one's own hears how nodes did, and may explain itself.
  const mine: Selector = {
    name: 'mine',
    pick: (nodes, { zone, eligible, hashKey }) => nodes.find((node) => node.metadata['zone'] === zone) ?? eligible?.[0] ?? nodes[hashKey?.length ?? 0],
    done: (_node, { ok, error }) => void (ok || error?.code === 'UNAVAILABLE' || error?.remote),
    explain: ([choice]) => ({ choice, certain: true, scoring: 'points', scores: new Map([['room@1', 1]]), leftOut: new Map([['room@2', 'not liked']]), notes: ['so'] }),
  };
  void [score, mine, custom((nodes) => nodes[0])];
}

export async function wrong(): Promise<void> {
  // @ts-expect-error an option that does not exist
  consistentHash({ replica: 5 });
  // @ts-expect-error a strategy and not its maker
  preferZone({ selector: leastInFlight });
  // @ts-expect-error an option that does not exist
  await RpcFactory.create({ modules: [], discovery: { outliers: {} } });
  // @ts-expect-error ids are texts
  await rpc.explain('room', '/join', { exclude: [1] });
  // @ts-expect-error what is read is not to be changed
  (await rpc.explain('room', '/join')).nodes.push();
  // @ts-expect-error every view has a choice, if only undefined
  const lazy: Selector = { name: 'lazy', pick: () => undefined, explain: () => ({ certain: false }) };
  void lazy;
}
