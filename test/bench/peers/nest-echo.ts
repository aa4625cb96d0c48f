import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ClientProxy, MessagePattern, type MicroserviceOptions, Payload } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import type { Callee, Caller } from '../peer.js';

@Controller()
class EchoController {
  @MessagePattern('bench.echo')
  echo(@Payload() text: string): string {
    return text;
  }
}

@Module({ controllers: [EchoController] })
class EchoModule {}

/** The callee over any of Nest's transports. */
export async function nestCallee(options: MicroserviceOptions, handOver?: unknown): Promise<Callee> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(EchoModule, { ...options, logger: false });
  await app.listen();
  return { handOver, close: () => app.close() };
}

/** The caller over any of Nest's transports. */
export async function nestCaller(client: ClientProxy, text: string): Promise<Caller> {
  await client.connect();
  return {
    call: () => firstValueFrom(client.send<unknown>('bench.echo', text)),
    read: (reply) => reply,
    close: async () => void (await client.close()),
  };
}
