import { connect } from 'node:net';

/**
 * Sends commands in Redis' inline form (`PING`, one per line) on a connection of their own, and closes it.
 *
 * @returns all that came back, one reply after the other as the protocol writes them (`+PONG`, `-ERR ...`, `$5` and text)
 */
export function askRedis(port: number, commands: readonly string[], signal: AbortSignal = AbortSignal.timeout(5_000)): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', signal });
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
    socket.end(`${commands.join('\r\n')}\r\n`); // the server closes after the last reply; a sentinel knows no QUIT
  });
}
