import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { HTTP_HOST } from '../../metadata/http-host.js';
import { gatewayAdapter } from './fastify/fastify.adapter.js';
import { HTTP_GATEWAY_OPTIONS, HttpGateway, type HttpConfig } from './http-gateway.js';
import { type HttpGatewayOptions, resolveHttpOptions } from './http.options.js';

/**
 * HTTP for those outside: `/<service>/<path>` calls a public handler. With RpcFactory the app becomes a Nest HTTP application on Fastify, so that
 * controllers with routes work beside it; in a Nest app of your own it mounts on that app's Fastify adapter, and the app listens. Needs the package `@nestjs/platform-fastify`.
 * @public
 */
@Module({})
export class HttpGatewayModule {
  /** @throws BootError HTTP_OPTIONS, when the app is made */
  static forRoot(options: HttpGatewayOptions = {}): DynamicModule {
    return { module: HttpGatewayModule, providers: [{ provide: HTTP_GATEWAY_OPTIONS, useValue: options }, HttpGateway], exports: [HttpGateway] };
  }
}

HTTP_HOST.write(HttpGatewayModule, (module, config) => gatewayAdapter(resolveHttpOptions(optionsOf(module), (config as HttpConfig).http)));

function optionsOf(module: Type | DynamicModule): HttpGatewayOptions {
  const providers = (module as Partial<DynamicModule>).providers ?? [];
  const given = providers.find((provider) => (provider as { provide?: unknown }).provide === HTTP_GATEWAY_OPTIONS);
  return (given as { useValue?: HttpGatewayOptions } | undefined)?.useValue ?? {};
}
