import { Inject, Injectable, Logger as NestLog, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { BootError } from '../../common/boot-error.js';
import type { AppPart } from '../../common/lifecycle.js';
import type { Logger } from '../../common/logger.js';
import { AppPartProvider } from '../../metadata/app-part.decorator.js';
import { RPC_MODULE } from '../../metadata/rpc-module.decorator.js';
import { APP_CONFIG, APP_HANDLE, type AppHandle, RPC } from '../../metadata/tokens.js';
import { NestLogger } from '../../wiring/nest-logger.js';
import { declaredRoutes, routeOf } from './declared-routes.js';
import { addExtras } from './fastify/fastify.extras.js';
import { checkAdapter, type GatewayServer, mountedOn } from './fastify/fastify.server.js';
import type { HttpReply } from './exchange.js';
import { type Caller, GatewayCore } from './gateway-core.js';
import type { GatewayRoute } from './gateway-route.js';
import { type HttpGatewayOptions, type ResolvedHttpOptions, resolveHttpOptions } from './http.options.js';
import { classSchemas } from './openapi/class-validator-jsonschema.js';
import type { OpenApiDocument } from './openapi/document.js';
import { openApi } from './openapi/openapi.js';
import { openApiPage } from './openapi/openapi-page.js';
import { replyOf } from './reply-body.js';
import { defaultRoute, tableRoute } from './routes.js';

export const HTTP_GATEWAY_OPTIONS: unique symbol = Symbol('options of HttpGatewayModule');

/** To close while nothing is in flight is best; under load there is always something. */
const IDLE_WITHIN_MS = 1000;

/** The part of the config that matters here. */
export interface HttpConfig {
  readonly http: Partial<HttpGatewayOptions>;
}

/**
 * The HTTP gateway of an app: routes are mounted when the container is there, it listens when all else runs, and stops first.
 * @public
 */
@AppPartProvider()
@Injectable()
export class HttpGateway implements AppPart, OnModuleInit {
  readonly name = 'http gateway';
  readonly phase = 'ingress';
  private core!: GatewayCore;
  private server!: GatewayServer;
  private options!: ResolvedHttpOptions;
  private readonly pages: { readonly path: string; readonly reply: HttpReply }[] = [];
  private readonly logger: Logger = new NestLogger(new NestLog(), 'HttpGateway');

  /** @internal */
  constructor(
    @Inject(HTTP_GATEWAY_OPTIONS) private readonly given: HttpGatewayOptions,
    @Inject(APP_HANDLE) private readonly app: AppHandle & { readonly services: readonly { readonly classRef: Function }[] },
    @Inject(APP_CONFIG) private readonly config: () => HttpConfig,
    @Inject(RPC) private readonly rpc: Caller,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
  ) {}

  /** Where it listens; undefined when it does not. */
  get port(): number | undefined {
    return this.server.port;
  }

  /** Requests at work. */
  get inFlight(): number {
    return this.core.inFlight;
  }

  /** @internal @throws BootError HTTP_OPTIONS, HTTP_ADAPTER, HTTP_GATEWAY_TWICE */
  async onModuleInit(): Promise<void> {
    const gateways = [...this.modules.values()].filter((module) => module.providers.has(HttpGateway));
    if (gateways.length > 1) throw new BootError('HTTP_GATEWAY_TWICE', 'HttpGatewayModule.forRoot is imported more than once in this app; a process has one: put all its options into one place');
    this.options = resolveHttpOptions(this.given, this.config().http);
    this.core = new GatewayCore({ rpc: this.rpc, options: this.options, logger: this.logger });
    checkAdapter(this.host.httpAdapter);
    await addExtras(this.host.httpAdapter as Parameters<typeof addExtras>[0], this.options);
    this.server = mountedOn(this.host.httpAdapter, this.core, await this.routes(), { pages: this.pages, cors: this.options.cors !== false, bodyBytes: this.options.bodyBytes, answerTimeoutMs: this.options.requestTimeoutMs, random: this.app.random });
  }

  /** @internal @throws BootError LISTEN_FAILED */
  async start(): Promise<void> {
    const { host, port } = this.options;
    if (await this.server.listen(host, port)) this.logger.info(`HTTP on ${host}:${this.server.port}`);
  }

  /** @internal `Connection: close` on all answers, soon no new connections, and what is in flight is answered. */
  async stop(signal: AbortSignal): Promise<void> {
    this.core.isDraining = true;
    await this.core.idle(AbortSignal.any([signal, AbortSignal.timeout(IDLE_WITHIN_MS)]));
    await Promise.all([this.core.idle(signal), this.server.close(signal)]);
  }

  private describe(document: OpenApiDocument): void {
    const prefix = this.options.defaultRoute?.prefix ?? '';
    const html = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" };
    this.pages.push({ path: `${prefix}/openapi.json`, reply: replyOf(document) }, { path: `${prefix}/docs`, reply: { status: 200, headers: html, body: openApiPage(document) } });
  }

  private async routes(): Promise<GatewayRoute[]> {
    const { routes, defaultRoute: standard } = this.options;
    const classes = new Set<Function>([...this.app.services.map(({ classRef }) => classRef), ...[...this.modules.values()].map(({ metatype }) => metatype).filter((type) => RPC_MODULE.own(type)), ...this.options.contracts]);
    const declared = declaredRoutes(classes);
    if (this.options.openapi) this.describe(openApi(declared, this.options, await classSchemas()));
    return [...routes.map(tableRoute), ...declared.routes.map(routeOf), ...(standard ? [defaultRoute(standard)] : [])];
  }
}
