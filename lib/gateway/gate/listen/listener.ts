import type { AddressInfo, Server } from 'node:net';
import { BootError } from '../../../common/boot-error.js';
import type { ByteConnection } from '../connection.js';
import type { ListenOptions } from '../gate.options.js';

/** Takes connections somewhere. */
export interface GateListener {
  /** `tcp` or `websocket`, for messages. */
  readonly name: string;
  /** The port that was taken. */
  readonly port: number;
  /** Resolves when it listens. @throws BootError LISTEN_FAILED */
  start(accept: (connection: ByteConnection) => void): Promise<void>;
  /** Takes no more; those that are open stay. */
  stop(): Promise<void>;
}

/** @throws BootError LISTEN_FAILED */
export function listenOn(server: Server, name: string, { host, port }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const todo = cause.code === 'EADDRINUSE' ? 'another process listens there; stop it, or choose another port' : cause.code === 'EACCES' ? 'this user may not; choose a port above 1023' : cause.message;
      reject(new BootError('LISTEN_FAILED', `the gate cannot listen on ${host ?? '*'}:${port} (${name}): ${todo}`, { cause }));
    };
    server.once('error', failed);
    server.listen({ port, ...(host !== undefined && { host }), backlog: 4096 }, () => {
      server.off('error', failed);
      // Out of file descriptors, for a moment: the next connection may work.
      server.on('error', () => {});
      resolve((server.address() as AddressInfo).port);
    });
  });
}
