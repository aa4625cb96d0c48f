/**
 * Correlation ids: the process id and the call's number, base 36. Short, readable in a Go node's log, and read back without making
 * a string: that happens for each reply.
 */
export class CallIds {
  private readonly prefix: Uint8Array;

  constructor(private readonly processId: string) {
    this.prefix = Buffer.from(processId);
  }

  text(id: number): string {
    return this.processId + id.toString(36);
  }

  /** Undefined: not an id of this process. */
  read(bytes: Uint8Array, start: number, end: number): number | undefined {
    const { prefix } = this;
    const digits = start + prefix.length;
    if (end <= digits || end - digits > 11) return undefined;
    for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return undefined;
    let id = 0;
    for (let i = digits; i < end; i++) {
      const code = bytes[i]!;
      if (code >= 0x30 && code <= 0x39) id = id * 36 + code - 0x30;
      else if (code >= 0x61 && code <= 0x7a) id = id * 36 + code - 0x57;
      else return undefined;
    }
    return id;
  }
}
