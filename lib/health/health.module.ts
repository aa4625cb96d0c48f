import { type DynamicModule, Module } from '@nestjs/common';
import { APP_CONFIG, APP_HANDLE, type AppHandle } from '../metadata/tokens.js';
import { type HealthOptions, HealthServer } from './health.server.js';

/** The part of the config that matters here. */
type Config = () => { readonly health: { readonly enabled: boolean } };

/**
 * A health server whose options code makes. What stands in the config (`Anthill.health`), or in `create({ health })`, needs no module and wins over it.
 * @public
 */
@Module({})
export class HealthModule {
  static forRoot(options: HealthOptions = {}): DynamicModule {
    const server = {
      provide: HealthServer,
      inject: [APP_HANDLE, APP_CONFIG],
      useFactory: (app: AppHandle, config: Config) => (config().health.enabled ? undefined : new HealthServer(options, { health: () => app.health(), logger: app.logger })),
    };
    return { module: HealthModule, providers: [server], exports: [server] };
  }
}
