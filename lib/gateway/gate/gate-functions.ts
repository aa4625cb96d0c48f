import { rpcError } from '../../common/error-catalog.js';
import type { ArgTypes, ValueType } from '../../common/value-types.js';
import type { HandlerDescriptor } from '../../rpc/handler-entry.js';
import type { GateCore } from './gate-core.js';
import type { GateClient } from './gate-client.js';
import type { SessionPlace } from './store/gate-store.js';
import { isTopic } from './topic-filter.js';

/** Of sessions in one call to another gate: far below what a message may hold. */
const MOST_IDS = 10_000;

type Run = (...args: never[]) => unknown;

/**
 * The functions of a gate's node. The first eleven are mqant's (reference: gate/base/gate_handler.go), argument for argument and type for type, for Go backends
 * cast results without looking; the others are ours. The first argument of all is a trace, or null.
 */
export function gateFunctions(gate: GateCore): HandlerDescriptor[] {
  const { table } = gate;
  const of = (sessionId: string): GateClient => {
    const session = table.get(sessionId);
    if (session === undefined) throw notFound();
    return session;
  };
  const changed = (session: GateClient) => session.view();
  const send = (session: GateClient, topic: string, body: Uint8Array) => session.push({ topic, body, qos: 0 });

  return [
    fn('Update', ['trace', 'string'], (_trace: unknown, id: string) => changed(of(id)), 'SESSION'),
    fn('Bind', ['trace', 'string', 'string'], async (_trace: unknown, id: string, userId: string) => (await gate.bind(of(id), userId), changed(of(id))), 'SESSION'),
    fn('UnBind', ['trace', 'string'], async (_trace: unknown, id: string) => (await gate.unbind(of(id)), changed(of(id))), 'SESSION'),
    fn('Push', ['trace', 'string', 'mapstr'], async (_trace: unknown, id: string, settings: Record<string, string>) => {
      await gate.change(of(id), { ...of(id).state.settings, ...settings });
      return changed(of(id));
    }, 'SESSION'),
    fn('Set', ['trace', 'string', 'string', 'string'], async (_trace: unknown, id: string, key: string, value: string) => {
      await gate.change(of(id), { ...of(id).state.settings, [key]: value });
      return changed(of(id));
    }, 'SESSION'),
    fn('Remove', ['trace', 'string', 'string'], async (_trace: unknown, id: string, key: string) => {
      const { [key]: _removed, ...left } = of(id).state.settings;
      await gate.change(of(id), left);
      return changed(of(id));
    }, 'SESSION'),
    fn('Send', ['trace', 'string', 'string', 'bytes'], (_trace: unknown, id: string, topic: string, body: Uint8Array) => (send(of(id), topicOf(topic), body), 'success')),
    fn('SendBatch', ['trace', 'string', 'string', 'bytes'], (_trace: unknown, ids: string, topic: string, body: Uint8Array) => {
      return gate.publisher.sendHere(ids.split(','), topicOf(topic), body);
    }, 'long'),
    fn('BroadCast', ['trace', 'string', 'bytes'], (_trace: unknown, topic: string, body: Uint8Array) => gate.publisher.broadcastHere(topicOf(topic), body), 'long'),
    fn('IsConnect', ['trace', 'string', 'string'], (_trace: unknown, _id: string, userId: string) => {
      for (const _session of table.ofUser(userId)) return true;
      return false;
    }, 'bool'),
    fn('Close', ['trace', 'string'], (_trace: unknown, id: string) => {
      of(id).close('kicked');
      return null;
    }),

    fn('BroadCastAll', ['trace', 'string', 'bytes'], (_trace: unknown, topic: string, body: Uint8Array) => gate.publisher.broadcast(topicOf(topic), body), 'long'),
    fn('Displace', ['trace', 'string'], (_trace: unknown, id: string) => (gate.displaceHere(id, 'Displace'), null)),
    fn('TakeOver', ['trace', 'string'], (_trace: unknown, id: string) => (gate.displaceHere(id, 'TakeOver'), null)),
    fn('Publish', ['trace', 'string', 'bytes', 'int'], async (_trace: unknown, topic: string, body: Uint8Array, qos: number) => (await gate.publisher.publishHere({ topic, body, qos: qosOf(qos) }), null)),
    fn('PublishAll', ['trace', 'string', 'bytes', 'int', 'bool'], async (_trace: unknown, topic: string, body: Uint8Array, qos: number, retain: boolean) => {
      if (!isTopic(topic)) throw badTopic(topic, 'nothing is published to a topic with wildcards');
      await gate.publisher.publish({ topic: topicOf(topic), body, qos: qosOf(qos), retain });
      return null;
    }),
    fn('Deliver', ['trace', 'string', 'int', 'string', 'bytes', 'int'], (_trace: unknown, id: string, pushId: number, topic: string, body: Uint8Array, qos: number) => {
      // Away meanwhile: it is in the store, and comes with the next connection.
      table.get(id)?.push({ id: pushId, topic, body, qos: qosOf(qos) });
      return null;
    }),
    fn('DeliverAgain', ['trace', 'string', 'string'], async (_trace: unknown, id: string, pushIds: string) => (await gate.handover.sendAgain(id, new Set(pushIds.split(',').map(Number))), null)),
    fn('PushToUser', ['trace', 'string', 'string', 'bytes', 'int'], async (_trace: unknown, userId: string, topic: string, body: Uint8Array, qos: number) => {
      return pushTo(gate, await gate.store.placesOf(userId), topicOf(topic), body, qosOf(qos));
    }, 'long'),
    fn('PushToGroup', ['trace', 'string', 'string', 'bytes', 'int'], async (_trace: unknown, group: string, topic: string, body: Uint8Array, qos: number) => {
      return pushTo(gate, await gate.store.members(group), topicOf(topic), body, qosOf(qos));
    }, 'long'),
    fn('Join', ['trace', 'string', 'string'], async (_trace: unknown, id: string, group: string) => {
      if (!(await gate.store.join(group, id))) throw notFound();
      return null;
    }),
    fn('Leave', ['trace', 'string', 'string'], async (_trace: unknown, id: string, group: string) => (await gate.store.leave(group, id), null)),
    fn('Kick', ['trace', 'string'], async (_trace: unknown, userId: string) => {
      const places = await gate.store.placesOf(userId);
      await Promise.all(places.map((place) => kick(gate, place)));
      return places.filter(({ gateId }) => gateId !== undefined).length;
    }, 'long'),
    fn('IsOnline', ['trace', 'string'], async (_trace: unknown, userId: string) => (await gate.store.placesOf(userId)).some(({ gateId }) => gateId !== undefined), 'bool'),
  ];
}

/** To sessions wherever they are. @returns how many got it, or will */
async function pushTo(gate: GateCore, places: readonly SessionPlace[], topic: string, body: Uint8Array, qos: 0 | 1 | 2): Promise<number> {
  if (qos === 0) return pushOnce(gate, places, topic, body);
  const results = await Promise.allSettled(places.map((place) => pushKept(gate, place, topic, body, qos)));
  const failed = results.find((result) => result.status === 'rejected');
  // What was promised to nobody can be sent again; what half of them have, too: repeats of QoS 1 are allowed.
  if (failed) throw failed.reason;
  return results.filter((result) => result.status === 'fulfilled' && result.value).length;
}

/** To who is connected now, each gate asked once: one that cannot be reached has no such clients. */
async function pushOnce(gate: GateCore, places: readonly SessionPlace[], topic: string, body: Uint8Array): Promise<number> {
  const byGate = new Map<string, string[]>();
  for (const { sessionId, gateId } of places) {
    if (gateId === undefined) continue;
    const there = byGate.get(gateId);
    if (there) there.push(sessionId);
    else byGate.set(gateId, [sessionId]);
  }
  let count = gate.publisher.sendHere(byGate.get(gate.gateId) ?? [], topic, body);
  byGate.delete(gate.gateId);
  const ask = async (gateId: string, ids: readonly string[]): Promise<void> => void (count += Number(await gate.rpc.call(gateId, 'SendBatch', [null, ids.join(','), topic, body])));
  const asked: Promise<void>[] = [];
  for (const [gateId, ids] of byGate) {
    for (let at = 0; at < ids.length; at += MOST_IDS) asked.push(gate.tried('push at another gate', () => ask(gateId, ids.slice(at, at + MOST_IDS))));
  }
  await Promise.all(asked);
  return count;
}

/** In the store first: then it is safe, whatever becomes of the gate. Where the client is, is asked after that: it may have moved meanwhile. */
async function pushKept(gate: GateCore, { sessionId }: SessionPlace, topic: string, body: Uint8Array, qos: 1 | 2): Promise<boolean> {
  const { unacknowledged } = gate.options.limits;
  const kept = await gate.store.keep(sessionId, { topic, body, qos }, unacknowledged);
  if (kept === 'full') throw rpcError('QUEUE_FULL', `${unacknowledged} pushes wait for session ${sessionId} already`);
  if (kept === 'gone') return false;
  await gate.handover.send(sessionId, kept.gateId, kept.push);
  return true;
}

async function kick(gate: GateCore, { sessionId, gateId }: SessionPlace): Promise<void> {
  if (gateId === gate.gateId) gate.table.get(sessionId)?.close('kicked');
  else if (gateId !== undefined) await gate.rpc.call(gateId, 'Close', [null, sessionId]);
}

function fn(path: string, args: ArgTypes, run: Run, returns?: ValueType): HandlerDescriptor {
  const options = { concurrent: true, args, ...(returns !== undefined && { returns }) };
  return Object.freeze({ path, origin: `gate function ${path}`, options, arity: { min: args.length, max: args.length }, invoke: (given: readonly unknown[]) => run(...(given as never[])) });
}

/** mqant's text, to the letter: Go code compares it. */
function notFound() {
  return rpcError('SESSION_NOT_FOUND', 'No Sesssion found');
}

/** As long as MQTT can say; one that is longer would be in the way of all that waits behind it. */
function topicOf(topic: string): string {
  if (topic !== '' && Buffer.byteLength(topic) <= 0xffff) return topic;
  throw badTopic(topic, 'a topic has 1 to 65535 bytes');
}

function badTopic(topic: string, why: string) {
  return rpcError('ARGUMENT_TYPE', `'${topic.slice(0, 100)}' cannot be the topic of a push: ${why}`);
}

function qosOf(value: number): 0 | 1 | 2 {
  if (value === 0 || value === 1 || value === 2) return value;
  throw rpcError('ARGUMENT_TYPE', `the quality of service is 0, 1 or 2, got ${value}`);
}
