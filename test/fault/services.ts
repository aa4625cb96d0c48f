import type { Type } from '@nestjs/common';
import { currentContext, Handler, RpcModule } from '../../lib/index.js';

/** Resolves after `ms`, or when the call it serves is aborted. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A well-behaved service. */
class Echo {
  @Handler('/echo', { concurrent: true })
  echo(text: string): string {
    return text;
  }

  @Handler('/slow', { concurrent: true })
  async slow(ms: number): Promise<string> {
    await pause(ms, currentContext()?.signal);
    return 'done';
  }

  /** Slow whatever it is given. */
  @Handler('/pause', { concurrent: true })
  async pause(): Promise<string> {
    await pause(200);
    return 'done';
  }

  /** Does not listen to its signal, and never ends. */
  @Handler('/stubborn', { concurrent: true })
  stubborn(): Promise<never> {
    return new Promise(() => {});
  }
}

/** Handlers that do what handlers must not. */
class Evil {
  @Handler('/echo', { concurrent: true })
  echo(text: string): string {
    return text;
  }

  @Handler('/throws', { concurrent: true })
  throws(): never {
    throw new Error('the password is hunter2');
  }

  @Handler('/rejects', { concurrent: true })
  async rejects(): Promise<never> {
    await pause(1);
    throw Object.assign(new Error('later'), { code: 'ECONNREFUSED' });
  }

  @Handler('/throws-nothing', { concurrent: true })
  throwsNothing(): never {
    throw undefined;
  }

  @Handler('/throws-trap', { concurrent: true })
  throwsTrap(): never {
    const trap = () => {
      throw new Error('trapped');
    };
    throw new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap });
  }

  @Handler('/hangs', { concurrent: true })
  hangs(): Promise<never> {
    return new Promise(() => {});
  }

  /** In the serial lane, which must move on. */
  @Handler('/hangs-serial')
  hangsSerial(): Promise<never> {
    return new Promise(() => {});
  }

  @Handler('/serial')
  serial(): string {
    return 'my turn';
  }

  @Handler('/cycle', { concurrent: true })
  cycle(): object {
    const self: Record<string, unknown> = {};
    self['self'] = self;
    return self;
  }

  @Handler('/function', { concurrent: true })
  function(): unknown {
    return { run: () => 1 };
  }

  @Handler('/bigint', { concurrent: true })
  bigint(): bigint {
    return 2n ** 80n;
  }

  @Handler('/symbol', { concurrent: true })
  symbol(): unknown {
    return Symbol('s');
  }

  @Handler('/deep', { concurrent: true })
  deep(): unknown {
    let value: unknown = 1;
    for (let i = 0; i < 200_000; i++) value = [value];
    return value;
  }

  @Handler('/getter', { concurrent: true })
  getter(): unknown {
    return {
      get value(): never {
        throw new Error('no value');
      },
    };
  }

  /** A thenable that answers twice, and throws after it. */
  @Handler('/thenable', { concurrent: true })
  thenable(): unknown {
    return {
      then(resolve: (value: string) => void) {
        resolve('once');
        resolve('twice');
        throw new Error('after all');
      },
    };
  }

  @Handler('/large', { concurrent: true })
  large(bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }
}

const services: Readonly<Record<string, Type>> = { echo: Echo, evil: Evil };

/** The service of this name as a module, under a node id. */
export function serviceModule(name: string, id: string | undefined, times: { ttlMs?: number | undefined; intervalMs?: number | undefined }): Type {
  const service = services[name];
  if (service === undefined) throw new Error(`no service "${name}"; there are ${Object.keys(services).join(', ')}`);
  const { ttlMs, intervalMs } = times;
  RpcModule({ type: name, version: '1.0.0', ...(id && { id }), ...(ttlMs && { ttlMs }), ...(intervalMs && { intervalMs }) })(service);
  return service;
}
