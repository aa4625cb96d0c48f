import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { freePort } from '../../services/index.js';
import type { Peer } from '../peer.js';
import { nestCallee, nestCaller } from './nest-echo.js';

/** Nest's TCP microservice and client: from process to process, with no server between. */
export const peer: Peer = {
  async callee() {
    const port = await freePort();
    return nestCallee({ transport: Transport.TCP, options: { host: '127.0.0.1', port } }, port);
  },
  caller: (_site, text, port) => nestCaller(ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port: port as number } }), text),
};
