import { connect, type Socket } from 'node:net';

/** What came back over a connection until it ended, and the connection. */
export interface RawExchange {
  readonly socket: Socket;
  /** All bytes as text, when the connection is over. */
  readonly answer: Promise<string>;
}

/** Opens a connection and writes bytes as they are: what no client of HTTP would send. */
export function raw(port: number, ...parts: readonly (string | Uint8Array)[]): RawExchange {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => (text += part));
  // A server that refuses may reset what is still on its way.
  socket.on('error', () => {});
  const answer = new Promise<string>((resolve) => socket.on('close', () => resolve(text)));
  for (const part of parts) socket.write(part);
  return { socket, answer };
}

/** A request that asks for the end of its connection. */
export function request(line: string, headers: readonly string[] = [], body: string | Uint8Array = ''): readonly (string | Uint8Array)[] {
  return [`${line} HTTP/1.1\r\n${['Host: x', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`, body];
}

/** Status lines in an answer: one for each answer on the connection. */
export function statuses(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}
