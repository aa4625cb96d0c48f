import { ByteReader } from '../../rpc/byte-reader.js';
import { skipField } from './protobuf.js';

/** Tags of the fields of `rpcpb.ResultInfo`; there is no field 3. */
export const RESULT_INFO = { cid: 0x0a, error: 0x12, type: 0x22, result: 0x2a } as const;

/** A reply. Correlation id and result stay in the message as offsets. */
export class ResultInfo {
  cidStart = 0;
  cidEnd = 0;
  /** Empty: success. */
  error = '';
  type = '';
  start = 0;
  end = 0;

  constructor(readonly reader: ByteReader) {}
}

/** @throws MalformedBytes */
export function readResultInfo(bytes: Uint8Array): ResultInfo {
  const reader = new ByteReader(bytes);
  const info = new ResultInfo(reader);
  while (reader.at < reader.end) {
    const tag = reader.varint();
    switch (tag) {
      case RESULT_INFO.cid: {
        const length = reader.varint();
        reader.need(length);
        info.cidStart = reader.at;
        info.cidEnd = reader.at += length;
        break;
      }
      case RESULT_INFO.error:
        info.error = reader.text();
        break;
      case RESULT_INFO.type:
        info.type = reader.text();
        break;
      case RESULT_INFO.result: {
        const length = reader.varint();
        reader.need(length);
        info.start = reader.at;
        info.end = reader.at += length;
        break;
      }
      default:
        skipField(reader, tag);
    }
  }
  return info;
}
