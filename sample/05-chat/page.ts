import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type OnRun, RpcModule } from 'anthill';

/** The page, and the client's modules as they are: no bundler. */
const files: Readonly<Record<string, URL>> = {
  '/': new URL('../../../sample/05-chat/page/index.html', import.meta.url),
};
const clientFolder = new URL('./', import.meta.resolve('anthill/client'));

/** Serves the web page. */
@RpcModule({ type: 'page' })
export class Page implements OnRun {
  async run(signal: AbortSignal): Promise<void> {
    const port = Number(process.env['CHAT_PORT'] ?? 8080);
    const server = createServer((request, response) => {
      void this.file(request.url ?? '/').then(
        ({ type, content }) => response.writeHead(200, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(content),
        () => response.writeHead(404).end(),
      );
    });
    server.listen(port);
    await once(server, 'listening');
    console.log(`open http://127.0.0.1:${port} in two windows`);
    if (!signal.aborted) await once(signal, 'abort');
    server.closeAllConnections();
    server.close();
  }

  private async file(url: string): Promise<{ type: string; content: string }> {
    const { pathname } = new URL(url, 'http://localhost');
    const script = /^\/client\/([\w-]+\.js)$/.exec(pathname)?.[1];
    const file = script === undefined ? files[pathname] : new URL(script, clientFolder);
    if (file === undefined) throw new Error('no such file');
    const gatePort = process.env['CHAT_GATE_PORT'] ?? '3653';
    return { type: script === undefined ? 'text/html; charset=utf-8' : 'text/javascript', content: (await readFile(file, 'utf8')).replace('{{gatePort}}', gatePort) };
  }
}
