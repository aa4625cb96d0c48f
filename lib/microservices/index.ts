/**
 * Anthill for existing Nest microservices: `@MessagePattern` and `@EventPattern` controllers served and registered as they are, and a
 * ClientProxy that calls Anthill services. Needs the package `@nestjs/microservices`; the main entry does not.
 */
export { AnthillStrategy, ANTHILL_TRANSPORT, type AnthillStrategyOptions } from './anthill.strategy.js';
export { AnthillClientProxy, type AnthillClientOptions } from './anthill.client-proxy.js';
export { AnthillRecord } from './anthill-record.js';
export { anthillClient, anthillMicroservice, type AnthillClientRegistration } from './nest-options.js';
export type { PatternExtras } from './pattern-route.js';
export type { ServiceHost, ServiceOptions } from '../rpc/service-host.js';
