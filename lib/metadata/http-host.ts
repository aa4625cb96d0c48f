import type { DynamicModule, HttpServer, Type } from '@nestjs/common';
import { defineMetadata } from './define-metadata.js';

/**
 * Makes Nest's HTTP adapter for an app of RpcFactory: its container is then a Nest HTTP application, which listens to nothing by itself.
 * @param module the module as it is imported, with its options
 * @param config the app's, as first read
 */
export type HttpHost = (module: Type | DynamicModule, config: unknown) => HttpServer | Promise<HttpServer>;

/** On the module class that brings HTTP into the app. */
export const HTTP_HOST = defineMetadata<HttpHost>('http host');
