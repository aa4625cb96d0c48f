/** What sample/01-hello would be in plain Nest: the same classes and vendor imports, direct calls instead of remote ones. */
import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import protobuf from 'protobufjs';
import { projectRoot } from '../../services/project-root.js';

const ResultInfo = protobuf.loadSync(join(projectRoot(), 'proto/hello.proto')).lookupType('rpcpb.ResultInfo');

@Module({ providers: [HelloWorld], exports: [HelloWorld] })
class HelloWorld {
  sayHi(name: string): string {
    return `hi ${name}`;
  }
}

@Module({ providers: [RpcTest], exports: [RpcTest] })
class RpcTest {
  testProto(request: { Error: string }): unknown {
    return ResultInfo.create({ Error: `你说: ${request.Error}` });
  }
}

@Module({ imports: [HelloWorld, RpcTest] })
class Web implements OnModuleInit {
  constructor(
    private readonly hello: HelloWorld,
    private readonly test: RpcTest,
  ) {}

  async onModuleInit(): Promise<void> {
    const server = createServer((request, response) => response.end(request.url === '/test/proto' ? String(this.test.testProto({ Error: '' })) : this.hello.sayHi('nest')));
    server.listen(0);
    await once(server, 'listening');
  }
}

@Module({ imports: [HelloWorld, Web, RpcTest] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks();
process.send!('ready');
