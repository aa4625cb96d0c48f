import type { IncomingHttpHeaders } from 'node:http';
import type { RandomSource } from '../../common/clock.js';

export const ID_HEADER = 'x-request-id';

/** Fits into logs and headers, whoever wrote it. */
const SANE = /^[\w.:-]{1,128}$/;
const HEX_DIGITS = 32;
/** Randomness is asked for in pieces of so many ids: asking costs the same for one. */
const AT_ONCE = 128;

/** Ids of requests: the client's own where it is a sane word, else 128 random bits. */
export class RequestIds {
  private pool = '';
  private at = 0;

  constructor(private readonly random: RandomSource) {}

  of({ headers }: { readonly headers: IncomingHttpHeaders }): string {
    const given = headers[ID_HEADER];
    return typeof given === 'string' && SANE.test(given) ? given : this.next();
  }

  private next(): string {
    if (this.at === this.pool.length) {
      this.pool = this.random.hex((HEX_DIGITS / 2) * AT_ONCE);
      this.at = 0;
    }
    return this.pool.slice(this.at, (this.at += HEX_DIGITS));
  }
}
