import type { AsyncMicroserviceOptions, ClientsProviderAsyncOptions, CustomStrategy } from '@nestjs/microservices';
import { APP_HANDLE } from '../metadata/tokens.js';
import type { CallOptions } from '../rpc/call-options.js';
import type { ServiceHost } from '../rpc/service-host.js';
import { AnthillClientProxy } from './anthill.client-proxy.js';
import { AnthillStrategy, type AnthillStrategyOptions } from './anthill.strategy.js';

/** Options of {@link anthillClient}. @public */
export interface AnthillClientRegistration extends CallOptions {
  /** Token to inject it by. */
  name: string | symbol;
  /** Service name, or `type@id` for one node. */
  target: string;
}

/**
 * Options of a microservice served by the Anthill app of its container: `NestFactory.createMicroservice(AppModule, anthillMicroservice({ type:
 * 'math' }))`, or `app.connectMicroservice(anthillMicroservice({ type: 'math' }), { inheritAppConfig: true })`. AppModule imports
 * `AnthillModule.forRoot({...})`; what it says of transport and registry counts.
 * @public
 */
export function anthillMicroservice(options: AnthillStrategyOptions): AsyncMicroserviceOptions {
  return {
    inject: [APP_HANDLE],
    useFactory: (app: ServiceHost): CustomStrategy => ({ strategy: new AnthillStrategy(app, options) }),
  };
}

/**
 * A client for `ClientsModule.registerAsync([anthillClient({ name: 'MATH', target: 'math' })])`, to be injected with `@Inject('MATH')` as
 * Nest's ClientProxy. The root module imports `AnthillModule.forRoot({...})`.
 * @public
 */
export function anthillClient({ name, target, ...calls }: AnthillClientRegistration): ClientsProviderAsyncOptions {
  return {
    name,
    inject: [APP_HANDLE],
    useFactory: (app: ServiceHost) => ({ customClass: AnthillClientProxy, options: { ...calls, rpc: app.rpc, target } }),
  };
}
