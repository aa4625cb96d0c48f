import { Agent, request } from 'node:http';
import type { Caller } from '../peer.js';

/** POSTs `["text"]` over kept connections, as bare as Node has it. */
export function httpCaller(port: number, text: string): Caller {
  const agent = new Agent({ keepAlive: true });
  const body = JSON.stringify([text]);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return {
    call: () =>
      new Promise<string>((resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port, path: '/echo/echo', method: 'POST', agent, headers }, (answer) => {
          let reply = '';
          answer.setEncoding('utf8').on('data', (part: string) => (reply += part));
          answer.on('end', () => (answer.statusCode === 200 ? resolve(reply) : reject(new Error(`${answer.statusCode}: ${reply}`))));
        });
        asked.on('error', reject);
        asked.end(body);
      }),
    read: (reply) => JSON.parse(reply as string) as unknown,
    close: async () => agent.destroy(),
  };
}
