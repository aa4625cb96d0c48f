import { aedesCallee } from '../gate/aedes.js';
import { mqttCaller } from '../gate/callers.js';
import type { Peer } from '../peer.js';

/** What a team writes by hand in one process: the body is read, the service called, the result written. */
async function answer(body: Buffer): Promise<Buffer> {
  const { text } = JSON.parse(body.toString()) as { text: string };
  return Buffer.from(JSON.stringify({ Error: '', Result: text }));
}

export const peer: Peer = { callee: () => aedesCallee(answer), caller: mqttCaller() };
