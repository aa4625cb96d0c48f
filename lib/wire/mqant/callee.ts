import { RpcContext } from '../../common/call-context.js';
import { rpcError } from '../../common/error-catalog.js';
import { RpcError } from '../../common/rpc-error.js';
import type { HandlerEntry, Responder } from '../../rpc/handler-entry.js';
import type { ValueType } from '../../common/value-types.js';
import type { NodeHost, WireLink } from '../../rpc/wire.js';
import { counted } from './counted.js';
import { DEADLINE_TEXT, notFoundText, toErrorText } from './error-text.js';
import { ReplyEncoder } from './reply-encoder.js';
import { isReplySubject } from './reply-subject.js';
import { readRpcInfo, type RpcInfo } from './rpc-info.js';
import type { ValueDecoder } from './value-decoder.js';
import type { ValueEncoder } from './value-encoder.js';
import { messageOf, unreadableArgument, unsendable } from './value-error.js';

/** Clocks differ, and Go stamps `Expired` without regard to the call's real deadline. */
const EXPIRED_TOLERANCE_MS = 5000;

/** The serving half of the wire. */
export class MqantCallee {
  private readonly replies: ReplyEncoder;

  constructor(
    private readonly link: WireLink,
    encoder: ValueEncoder,
    private readonly decoder: ValueDecoder,
  ) {
    this.replies = new ReplyEncoder(encoder);
  }

  /** Never throws. */
  onRequest(host: NodeHost, bytes: Uint8Array): void {
    let info: RpcInfo;
    try {
      info = readRpcInfo(bytes);
    } catch (error) {
      return counted('frame.dropped', `mqant request: ${messageOf(error)}`);
    }
    const responder = this.responderFor(info);
    try {
      this.serve(host, info, responder);
    } catch (error) {
      this.link.logger.error('the mqant wire failed to serve a call', { node: host.nodeId, path: info.fn, error });
      responder.fail(rpcError('HANDLER_FAILED', `${host.nodeId} ${info.fn} failed`));
    }
  }

  private responderFor(info: RpcInfo): RequestResponder {
    if (!info.reply || info.replyTo === '') return SILENT;
    if (isReplySubject(info.replyTo)) return new MqantResponder(this, info.cid, info.replyTo, info.fn);
    counted('reply.lost', 'mqant: the request has no valid reply subject');
    return SILENT;
  }

  private serve(host: NodeHost, info: RpcInfo, responder: RequestResponder): void {
    const { clock } = this.link;
    if (info.expired > 0 && clock.wall() > info.expired + EXPIRED_TOLERANCE_MS) return responder.refuse(DEADLINE_TEXT);
    const entry = host.lookup(info.fn);
    if (entry === undefined) return responder.refuse(notFoundText(info.fn));
    responder.returns = entry.returns;
    let args: unknown[];
    try {
      args = this.decodeArgs(host, info, entry);
    } catch (error) {
      return responder.fail(error as RpcError);
    }
    const context = new RpcContext({ path: info.fn, nodeId: host.nodeId, caller: info.caller || info.hostname, deadlineAt: Infinity, wire: 'mqant' }, clock);
    host.dispatch(entry, args, context, responder);
  }

  private decodeArgs(host: NodeHost, info: RpcInfo, entry: HandlerEntry): unknown[] {
    const { types, bounds, reader, argCount } = info;
    const where = `${host.nodeId} ${info.fn}`;
    if (types.length !== argCount) throw rpcError('MALFORMED_PAYLOAD', `the request for ${where} has ${types.length} types and ${argCount} arguments`);
    const args = new Array<unknown>(argCount);
    for (let i = 0; i < argCount; i++) {
      reader.at = bounds[i * 2]!;
      reader.end = bounds[i * 2 + 1]!;
      try {
        args[i] = this.decoder.argument(types[i]!, reader, entry.argTypes?.[i]);
      } catch (error) {
        throw unreadableArgument(error, `argument ${i + 1} of ${where}`, types[i]!);
      }
    }
    return args;
  }

  /** Sends a result; one that cannot be sent becomes an error reply, so that the caller need not wait for its deadline. */
  reply(cid: string, replyTo: string, path: string, value: unknown, type: ValueType | undefined): void {
    const { transport } = this.link;
    try {
      transport.send(replyTo, this.replies.result(cid, value, type, transport.maxMessageBytes));
    } catch (error) {
      if (RpcError.is(error) && error.reason === 'TRANSPORT_DOWN') return counted('reply.lost', 'mqant: the transport is down');
      const cause = unsendable(error, `the reply of ${path}`);
      this.fail(cid, replyTo, toErrorText(cause.reason === 'PAYLOAD_TOO_LARGE' ? cause : rpcError('REPLY_UNENCODABLE', cause.message)));
    }
  }

  fail(cid: string, replyTo: string, text: string): void {
    try {
      this.link.transport.send(replyTo, this.replies.error(cid, text));
    } catch (error) {
      counted('reply.lost', `mqant: ${messageOf(error)}`);
    }
  }
}

interface RequestResponder extends Responder {
  /** Declared type of the result, once the handler is known. */
  returns: ValueType | undefined;
  /** An error in mqant's own words. */
  refuse(text: string): void;
}

/** Answers one request, once. */
class MqantResponder implements RequestResponder {
  returns: ValueType | undefined;
  private answered = false;

  constructor(
    private readonly callee: MqantCallee,
    private readonly cid: string,
    private readonly replyTo: string,
    private readonly path: string,
  ) {}

  reply(value: unknown): void {
    if (this.answered) return;
    this.answered = true;
    this.callee.reply(this.cid, this.replyTo, this.path, value, this.returns);
  }

  fail(error: RpcError): void {
    this.refuse(toErrorText(error));
  }

  refuse(text: string): void {
    if (this.answered) return;
    this.answered = true;
    this.callee.fail(this.cid, this.replyTo, text);
  }
}

/** For requests that want no reply; there is nothing in it to remember. */
const SILENT: RequestResponder = {
  get returns() {
    return undefined;
  },
  set returns(_type) {},
  reply() {},
  fail() {},
  refuse() {},
};
