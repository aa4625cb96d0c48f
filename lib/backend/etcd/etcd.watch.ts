import { EtcdRequestError } from './etcd.client.js';
import type { FieldsOf, Message } from './etcd.codec.js';
import type { EtcdConnection } from './etcd.connection.js';
import { compacted, explainFailure } from './etcd.failure.js';
import { keysOf, nameOf, rowOf } from './etcd.keys.js';
import { methods } from './etcd.messages.js';
import type { EtcdChanges, EtcdRange } from './etcd.rows.js';
import type { EtcdSession, OpenStream } from './etcd.session.js';
import { CODE, WireFailure } from './etcd.wire.js';

type AnswerFields = FieldsOf<typeof methods.watch.response>;
type Answer = Message<AnswerFields>;

/** One watch, one stream: see `EtcdClient.watch`. */
export async function* watchChanges(connection: EtcdConnection, session: EtcdSession, range: EtcdRange, fromRevision: bigint, signal: AbortSignal): AsyncGenerator<EtcdChanges, void, undefined> {
  if (signal.aborted) return;
  let stream: OpenStream<AnswerFields> | undefined;
  try {
    stream = await session.open(methods.watch, { create: { ...keysOf(range), startRevision: fromRevision, prevKv: true } }, isStale, signal);
    const now = stream.first.header?.revision ?? 0n;
    // It would wait in silence until its revisions have come that far: a store that was wiped, or a member that lags.
    if (now + 1n < fromRevision) throw new WireFailure(CODE.unavailable, `etcdserver: revision ${now} is before the ${fromRevision} that we have seen`, true);
    yield* changesOf(connection, stream.first);
    for await (const answer of stream.rest) yield* changesOf(connection, answer);
    if (!signal.aborted) throw new WireFailure(CODE.unavailable, 'the stream ended', true);
  } catch (cause) {
    if (signal.aborted) return;
    // Who comes next takes another member, if there is one.
    if (stream !== undefined && cause instanceof WireFailure && cause.code === CODE.unavailable) session.leave(stream.endpoint);
    throw explainFailure(connection, `watch ${nameOf(range)}`, cause);
  } finally {
    stream?.end();
  }
}

function* changesOf({ address }: EtcdConnection, answer: Answer): Generator<EtcdChanges> {
  if (answer.canceled) {
    if (answer.compactRevision > 0n) throw compacted(address, answer.compactRevision);
    throw new EtcdRequestError('refused', `etcd at ${address} ended a watch: ${answer.cancelReason || 'it said no reason'}`);
  }
  if (answer.events.length === 0) return;
  const events = answer.events.flatMap(({ type, kv, prevKv }) =>
    kv === undefined ? [] : [{ type: type === 0 ? ('put' as const) : ('delete' as const), row: rowOf(kv), previous: prevKv === undefined ? undefined : rowOf(prevKv) }],
  );
  yield { revision: answer.header?.revision ?? 0n, events };
}

/** etcd answers a watch with an unknown token as it answers one without permission. */
function isStale({ canceled, cancelReason }: Answer): boolean {
  return canceled && /permission denied|invalid auth token|user name is empty/.test(cancelReason);
}
