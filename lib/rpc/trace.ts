/** mqant's log.TraceSpan: two ids of 16 hex characters. Type `trace` on the mqant wire. @public */
export class Trace {
  constructor(
    readonly trace: string,
    /** The sender's span. A Go receiver replaces it by a new one; here it is kept, as the parent. */
    readonly span: string,
  ) {}
}
