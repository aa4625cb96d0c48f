import type { Writable } from 'node:stream';

/** More than this does not wait for the end of the turn: only what a socket really refuses may count as a queue. */
const FULL_BYTES = 64 * 1024;

/**
 * Sends what is written in one turn of the event loop at its end: all that came in is read first, then each socket that has something to say is written once. Without it
 * each message is a write of its own, and on a busy machine each write wakes a client that has one message to read.
 */
export class WriteTurn {
  private due: Writable[] = [];
  private readonly release = (): void => {
    const { due } = this;
    this.due = [];
    for (const socket of due) socket.uncork();
  };

  /** Before writing. */
  hold(socket: Writable): void {
    if (socket.writableCorked > 0) {
      if (socket.writableLength < FULL_BYTES) return;
      socket.uncork();
      return socket.cork();
    }
    socket.cork();
    if (this.due.push(socket) === 1) setImmediate(this.release);
  }
}
