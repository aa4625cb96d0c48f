import { readFile } from 'node:fs/promises';
import { Controller, Get, Header, NotFoundException, Param } from '@nestjs/common';
import { type OnRun, RpcModule } from 'anthill';
import { HttpGatewayModule } from 'anthill/http';

const port = Number(process.env['CHAT_PORT'] ?? 8080);
const page = new URL('../../../sample/05-chat/page/', import.meta.url);
/** The client's modules as they are: no bundler. */
const client = new URL('./', import.meta.resolve('anthill/client'));
const SCRIPT = /^[\w-]+\.js$/;

/** The web page: controllers of Nest work beside the gateway's routes. */
@Controller()
export class Page {
  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', "default-src 'self'; connect-src 'self' ws: wss:")
  html(): Promise<string> {
    return readFile(new URL('index.html', page), 'utf8');
  }

  @Get('chat.css')
  @Header('content-type', 'text/css; charset=utf-8')
  style(): Promise<string> {
    return readFile(new URL('chat.css', page), 'utf8');
  }

  @Get('chat.js')
  @Header('content-type', 'text/javascript; charset=utf-8')
  script(): Promise<string> {
    return readFile(new URL('chat.js', page), 'utf8');
  }

  @Get('client/:file')
  @Header('content-type', 'text/javascript; charset=utf-8')
  async module(@Param('file') file: string): Promise<string> {
    if (!SCRIPT.test(file)) throw new NotFoundException();
    return readFile(new URL(file, client), 'utf8').catch(() => {
      throw new NotFoundException();
    });
  }
}

/** HTTP: the page, and the routes that `@HttpRoute` gives to handlers of any service. Nothing else is reachable. */
@RpcModule({ type: 'web', controllers: [Page], imports: [HttpGatewayModule.forRoot({ port, defaultRoute: false })] })
export class Web implements OnRun {
  run(): void {
    console.log(`open http://127.0.0.1:${port} in two windows`);
  }
}
