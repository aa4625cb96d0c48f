import { AbstractHttpAdapter } from '@nestjs/core';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

type Route = (request: IncomingMessage, response: ServerResponse, next: () => void) => unknown;

/** Just enough HTTP for Nest to make a hybrid app of: exact paths, text bodies. The project depends on no HTTP platform of Nest's. */
export class PlainHttpAdapter extends AbstractHttpAdapter<Server, IncomingMessage, ServerResponse> {
  private readonly routes = new Map<string, Route>();

  constructor() {
    super({});
  }

  override initHttpServer(): void {
    this.httpServer = createServer((request, response) => {
      const route = this.routes.get(request.url ?? '');
      if (route) void route(request, response, () => undefined);
      else response.writeHead(404).end();
    });
  }
  override get(...args: unknown[]): void {
    this.routes.set(args[0] as string, args.at(-1) as Route);
  }
  override use(): void {}
  override listen(port: string | number, ...rest: unknown[]): Server {
    return this.httpServer.listen(Number(port), '127.0.0.1', rest.at(-1) as () => void);
  }
  override async close(): Promise<void> {
    await new Promise((resolve) => this.httpServer.close(resolve));
  }
  override reply(response: ServerResponse, body: unknown, status = 200): void {
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  }
  override status(response: ServerResponse, status: number): void {
    response.statusCode = status;
  }
  override end(response: ServerResponse, message?: string): void {
    response.end(message);
  }
  override getRequestMethod(request: IncomingMessage): string {
    return request.method ?? '';
  }
  override getRequestUrl(request: IncomingMessage): string {
    return request.url ?? '';
  }
  override getRequestHostname(): string {
    return '127.0.0.1';
  }
  override isHeadersSent(response: ServerResponse): boolean {
    return response.headersSent;
  }
  override getHeader(response: ServerResponse, name: string): unknown {
    return response.getHeader(name);
  }
  override setHeader(response: ServerResponse, name: string, value: string): void {
    response.setHeader(name, value);
  }
  override appendHeader(response: ServerResponse, name: string, value: string): void {
    response.appendHeader(name, value);
  }
  override getType(): string {
    return 'plain';
  }
  override applyVersionFilter(handler: Function): () => Function {
    return () => handler;
  }
  override createMiddlewareFactory(): () => void {
    return () => undefined;
  }
  override registerParserMiddleware(): void {}
  override setErrorHandler(): void {}
  override setNotFoundHandler(): void {}
  override enableCors(): void {}
  override useStaticAssets(): void {}
  override setViewEngine(): void {}
  override render(): void {}
  override redirect(): void {}
}
