import type { ValueType } from '../../common/value-types.js';
import { MessageWriter } from './message-writer.js';
import { RESULT_INFO } from './result-info.js';
import type { ValueEncoder } from './value-encoder.js';

/** Makes `ResultInfo` messages. */
export class ReplyEncoder {
  private readonly out = new MessageWriter(RESULT_INFO.type, RESULT_INFO.result, false);

  constructor(private readonly values: ValueEncoder) {}

  /**
   * @param type as the handler declares it
   * @param limit largest message in bytes
   * @throws RpcError UNSUPPORTED_VALUE, PAYLOAD_TOO_LARGE; whatever users' code throws
   */
  result(cid: string, value: unknown, type: ValueType | undefined, limit: number): Uint8Array {
    const { out } = this;
    const { headMark, valuesMark } = out;
    try {
      out.limit = limit;
      out.text(RESULT_INFO.cid, cid);
      this.values.write(value, type, out);
      out.joinValues(valuesMark);
      return out.take(headMark);
    } finally {
      out.rewind(headMark, valuesMark);
    }
  }

  error(cid: string, text: string): Uint8Array {
    const { out } = this;
    const { headMark, valuesMark } = out;
    out.text(RESULT_INFO.cid, cid);
    out.text(RESULT_INFO.error, text);
    out.type('null');
    const message = out.take(headMark);
    out.rewind(headMark, valuesMark);
    return message;
  }
}
