import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import type { Peer } from '../peer.js';
import { nestCallee, nestCaller } from './nest-echo.js';

/** Nest's NATS microservice and client, all settings as they come. */
export const peer: Peer = {
  callee: ({ nats }) => nestCallee({ transport: Transport.NATS, options: { servers: [nats] } }),
  caller: ({ nats }, text) => nestCaller(ClientProxyFactory.create({ transport: Transport.NATS, options: { servers: [nats] } }), text),
};
