import 'reflect-metadata';
import { Metadata } from '@grpc/grpc-js';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, type ClientGrpc, GrpcMethod, type GrpcOptions, Transport } from '@nestjs/microservices';
import { firstValueFrom, type Observable } from 'rxjs';
import { freePort } from '../../services/index.js';
import type { Peer } from '../peer.js';
import { ECHO_PROTO, LOADER } from './grpc-echo.js';

interface Text {
  text: string;
}

@Controller()
class EchoController {
  @GrpcMethod('Echo', 'Echo')
  echo(request: Text): Text {
    return request;
  }
}

@Module({ controllers: [EchoController] })
class EchoModule {}

const options = (port: number): GrpcOptions => ({ transport: Transport.GRPC, options: { package: 'bench.v1', protoPath: ECHO_PROTO, loader: LOADER, url: `127.0.0.1:${port}` } });

/** Nest's gRPC microservice and client, as they come but for the deadline that all others have: without one a call costs both sides a timer and a header less. */
export const peer: Peer = {
  async callee() {
    const port = await freePort();
    const app = await NestFactory.createMicroservice<GrpcOptions>(EchoModule, { ...options(port), logger: false });
    await app.listen();
    return { handOver: port, close: () => app.close() };
  },
  async caller(_site, text, port) {
    const client = ClientProxyFactory.create(options(port as number)) as unknown as ClientGrpc & { close(): void };
    const echo = client.getService<{ echo(request: Text, metadata: Metadata, options: { deadline: number }): Observable<Text> }>('Echo');
    const metadata = new Metadata();
    return { call: () => firstValueFrom(echo.echo({ text }, metadata, { deadline: Date.now() + 10_000 })), read: (reply) => (reply as Text).text, close: async () => client.close() };
  },
};
