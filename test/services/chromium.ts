import { join } from 'node:path';
import { requireServer } from './find-server.js';
import { freePort } from './free-port.js';
import { type RunningServer, startServer } from './server-process.js';

/**
 * Starts a Chromium without windows, and resolves when it takes commands; `openPage` gives them. Its profile is new and removed by stop.
 * It needs no sandbox: it is for pages that the test itself serves on loopback.
 *
 * @throws when there is no Chromium on this machine, or it does not start; the message has its log
 */
export async function startChromium(args: readonly string[] = []): Promise<RunningServer> {
  const port = await freePort();
  return startServer({
    name: 'chromium',
    binary: requireServer('chromium'),
    port,
    scheme: 'http',
    // Containers give /dev/shm 64 MB, which is too little for it. The other flags keep it from talking to the world.
    args: (folder) => [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', `--user-data-dir=${join(folder, 'profile')}`],
      ...[`--remote-debugging-port=${port}`, '--no-first-run', '--no-default-browser-check', '--disable-extensions'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server', ...args, 'about:blank'],
    ],
    probe: async (signal) => (await fetch(`http://127.0.0.1:${port}/json/version`, { signal })).ok,
  });
}
