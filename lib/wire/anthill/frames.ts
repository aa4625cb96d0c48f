/** Layout constants of `anthill/1`. docs/protocol.md has the whole of it with test vectors. */

/** As nodes publish it. */
export const ANTHILL_WIRE = 'anthill/1';

/** First byte of each message. */
export const MAGIC = 0xa7;
export const VERSION = 1;

/** Frame types. Unknown ones are skipped by their length. 0x10 to 0x1f are kept for streams. */
export const FRAME = {
  /** Names node, path, caller and codec once for all requests of the message that refer to it. */
  route: 0x01,
  request: 0x02,
  reply: 0x03,
  error: 0x04,
  cancel: 0x05,
  /** Empty: is your process still there? Answered by a pong at once, whatever its handlers do. */
  ping: 0x06,
  pong: 0x07,
} as const;

/** Flags of request and reply. */
export const FLAG = {
  noReply: 0x01,
  external: 0x02,
  metadata: 0x04,
  chain: 0x08,
  slots: 0x10,
  noDeadline: 0x20,
} as const;

/** Flags of error. */
export const ERROR_FLAG = {
  undelivered: 0x01,
  metadata: 0x02,
  details: 0x04,
} as const;

/** Batches are cut here even where the transport allows more, so that one large reply does not hold back a thousand small ones. */
export const BATCH_BYTES = 256 * 1024;
