import { RpcContext } from '../common/call-context.js';
import { rpcError } from '../common/error-catalog.js';
import { messageOf } from '../common/message-of.js';
import type { RpcError } from '../common/rpc-error.js';
import { MalformedBytes } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import type { RpcClientDeps } from './client-deps.js';
import type { HandlerEntry, Responder } from './handler-entry.js';
import { GateSession } from './gate-session.js';
import { handlerNotFound } from './handler-not-found.js';
import type { PendingCall } from './pending-call.js';
import { unsupported } from './plain-value.js';
import { travelled } from './travelled.js';
import { isolate } from './value-slots.js';
import type { NodeHost } from './wire.js';

/** Local calls within each other on one stack: some ten frames each. */
const MAX_NESTING = 50;

/** To a node of this process: no transport, but the same lanes, deadline, interceptors and errors. */
export function callLocal(call: PendingCall, host: NodeHost, deps: RpcClientDeps, scratch: ByteWriter): void {
  const entry = host.lookup(call.path);
  if (entry === undefined || (call.external && !entry.public)) return call.refused(handlerNotFound(host, call.path, call.external));
  const { args, argTypes, external, path, caller, deadlineAt } = call;
  let input = args;
  let metadata: Readonly<Record<string, string>> | undefined;
  try {
    metadata = call.metadata && travelled(call.metadata);
  } catch (error) {
    return call.fail(unsupported(`metadata must be strings: ${messageOf(error)}`));
  }
  if (call.options.localCopy !== false) {
    try {
      for (let i = 0; i < args.length; i++) {
        const value = args[i];
        if (typeof value === 'string' && entry.argTypes === undefined) continue;
        const copy = i === entry.sessionAt && value instanceof GateSession ? value.copy() : isolate(value, argTypes?.[i], entry.argTypes?.[i], call.codec, scratch, 'argument');
        if (copy === value) continue;
        if (input === args) input = args.slice();
        (input as unknown[])[i] = copy;
      }
    } catch (error) {
      if (!(error instanceof MalformedBytes)) return call.fail(error as RpcError);
      return call.refused(rpcError('MALFORMED_PAYLOAD', `the arguments of ${host.nodeId} ${path} cannot be read: ${error.message}`));
    }
  }
  const context = new RpcContext({ path, nodeId: host.nodeId, caller, metadata, deadlineAt, external, chain: call.chain, wire: 'local' }, deps.clock);
  call.localContext = context;
  call.localReturns = entry.returns;
  dispatch(call, host, entry, input, context, deps);
  if (call.noReply && call.localContext === context) call.handedOver();
}

/** At once, on the caller's stack; handlers that call each other deeper and deeper go on with a fresh one now and then. */
function dispatch(call: PendingCall, host: NodeHost, entry: HandlerEntry, args: readonly unknown[], context: RpcContext, { shared }: RpcClientDeps): void {
  const responder = call.noReply ? new NotifyResponder(call) : call;
  if (shared.nesting >= MAX_NESTING) {
    queueMicrotask(() => {
      if (!context.aborted) host.dispatch(entry, args, context, responder);
    });
    return;
  }
  shared.nesting++;
  try {
    host.dispatch(entry, args, context, responder);
  } finally {
    shared.nesting--;
  }
}

/** A notification hears of nothing but that it was not taken, which lets another node have it. */
class NotifyResponder implements Responder {
  constructor(private readonly call: PendingCall) {}
  reply(): void {}
  fail(error: RpcError): void {
    if (error.undelivered) this.call.fail(error);
  }
}
