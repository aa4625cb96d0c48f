import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Client, InjectClient, InjectRpc, InjectSettings, type OnRun, Rpc, RpcError, RpcModule } from 'anthill';
import { HelloWorld } from './helloworld.js';
import { Req, RpcTest, Rsp } from './rpctest.js';

@RpcModule({ type: 'web' })
export class Web implements OnRun {
  constructor(
    @InjectClient(HelloWorld) private readonly hello: Client<HelloWorld>,
    @InjectClient(RpcTest) private readonly test: Client<RpcTest>,
    @InjectRpc() private readonly rpc: Rpc,
    @InjectSettings() private readonly settings: { Port?: number },
  ) {}

  /** Lives until the app stops. */
  async run(signal: AbortSignal): Promise<void> {
    const port = this.settings.Port ?? 8080;
    const server = createServer((request, response) => void this.handle(request, response));
    server.listen(port);
    await once(server, 'listening').catch((error: NodeJS.ErrnoException) => Promise.reject(listenFailed(error, port)));
    console.log(`try: curl 'http://127.0.0.1:${port}/say?name=mqant'`);
    // The app may have been stopped while the port was opened.
    if (!signal.aborted) await once(signal, 'abort');
    server.closeIdleConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    try {
      const text = await this.route(url.pathname, url.searchParams);
      response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text ?? 'try /say?name=you'}\n`);
    } catch (error) {
      const unavailable = RpcError.is(error) && (error.code === 'UNAVAILABLE' || error.code === 'NOT_FOUND');
      response.writeHead(unavailable ? 503 : 500, { 'content-type': 'text/plain; charset=utf-8' }).end(`${(error as Error).message}\n`);
    }
  }

  private async route(path: string, query: URLSearchParams): Promise<string | undefined> {
    switch (path) {
      case '/say': // a typed client: a wrong argument does not compile
        return this.hello.sayHi(query.get('name') ?? 'stranger');
      case '/test/proto':
        return (await this.test.testProto({ Error: query.get('message') ?? '' })).Error;
      case '/test/marshal': // the same by name, with a deadline and a reply type
        return (await this.rpc.call('rpctest', '/test/marshal', [Object.assign(new Req(), { id: query.get('mid') ?? '' })], { timeoutMs: 3000, returns: Rsp })).msg;
      default:
        return undefined;
    }
  }
}

function listenFailed(error: NodeJS.ErrnoException, port: number): Error {
  if (error.code !== 'EADDRINUSE') return error;
  return new Error(`port ${port} is in use: stop the process that has it, or set Module.web[].Settings.Port in server.json`, { cause: error });
}
