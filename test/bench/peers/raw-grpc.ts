import * as grpc from '@grpc/grpc-js';
import type { Peer } from '../peer.js';
import { bareCaller, echoMethod } from './grpc-echo.js';

/** @grpc/grpc-js alone, as it comes. */
export const peer: Peer = {
  async callee() {
    const server = new grpc.Server();
    const { path, requestDeserialize, responseSerialize } = echoMethod();
    const echo: grpc.handleUnaryCall<object, object> = (call, callback) => callback(null, call.request);
    server.register(path, echo, responseSerialize, requestDeserialize, 'unary');
    const port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))));
    return { handOver: port, close: async () => server.forceShutdown() };
  },
  caller: (_site, text, port) => bareCaller(text, port),
};
