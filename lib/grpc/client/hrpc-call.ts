import { randomBytes } from 'node:crypto';
import type { RpcContext } from '../../common/call-context.js';
import { parseTarget } from '../../common/service-node.js';
import type { OutboundCall } from '../../rpc/wire.js';
import { HRPC_KEY, hrpcMessage, readHrpcMessage, TRACE_KEY } from '../hrpc-message.js';

/** What hrpc services are told of the caller. @public */
export interface HrpcCallOptions {
  /** Where the chain of calls began, when it begins here. @default the service that calls */
  serverName?: string;
  /** hrpc's environment. @default the app's, when config names one */
  namespace?: string;
}

/**
 * The header of hrpc for a call: what the call being served came with goes on, as hrpc itself does it (name and trace id are those of where the chain began),
 * the timeout is what is left now.
 */
export function hrpcHeader(call: Pick<OutboundCall, 'caller' | 'metadata' | 'remainingMs'>, parent: RpcContext | undefined, options: HrpcCallOptions): string {
  const json = parent?.metadata[HRPC_KEY];
  const came = json === undefined ? undefined : readHrpcMessage(json);
  return hrpcMessage({
    ...came,
    serverName: came?.serverName || (options.serverName ?? parseTarget(call.caller).type),
    traceId: came?.traceId || call.metadata?.[TRACE_KEY] || newTraceId(),
    namespace: came?.namespace || options.namespace || '',
    requestTimeoutMs: call.remainingMs(),
  });
}

/** As random as hrpc's, which hashes for it; its second half is an id that rises with time. */
function newTraceId(): string {
  return `${randomBytes(32).toString('hex')}.${BigInt(Date.now()) << 22n}`;
}
