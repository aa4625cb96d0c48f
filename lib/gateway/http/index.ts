/** `anthill/http`: public handlers over HTTP. */
export { HttpGatewayModule } from './http-gateway.module.js';
export { HttpGateway } from './http-gateway.js';
export type { CorsOptions, DefaultRouteOptions, HttpGatewayOptions, HttpRouteEntry, RateLimitOptions, RouteStyle } from './http.options.js';
export { HttpDoc, type HttpDocOptions } from './http-doc.decorator.js';
export { HttpRoute, type HttpRouteOptions } from './http-route.decorator.js';
export { goApi, type WebHandler } from './go-api.handler.js';
export type { ArgumentSource } from './call-arguments.js';
export type { ErrorFormat } from './problem.js';
