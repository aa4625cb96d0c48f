import type { CallOptions } from '../rpc/call-options.js';

/**
 * A payload with options for its one call: `client.send('sum', new AnthillRecord([1, 2], { timeoutMs: 500 }))`.
 * @public
 */
export class AnthillRecord<T = unknown> {
  constructor(
    readonly data: T,
    readonly options: CallOptions = {},
  ) {}
}
