import { Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { BootError } from '../common/boot-error.js';
import type { StartOptions } from './app-engine.js';
import { RpcApplication } from './rpc.application.js';

export const START_OPTIONS: unique symbol = Symbol('options of start()');

/*
 * In a Nest app that the user owns, Nest's hooks drive the app. Nest runs them by a module's distance from the root (init: far to near,
 * destroy: near to far), so these two take places beyond both ends.
 */

/** Starts the app after all of the user's modules have bootstrapped, and drains it before any of them is destroyed. */
@Module({})
export class AppAnchor implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    @Inject(RpcApplication) private readonly app: RpcApplication,
    @Inject(START_OPTIONS) private readonly options: StartOptions,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    const anchors = [...modules.values()].filter((module) => module.metatype === AppAnchor);
    if (anchors.length > 1) throw new BootError('FOR_ROOT', 'AnthillModule.forRoot is imported more than once in this app; a process has one: list all modules in it');
    for (const module of anchors) module.distance = Number.NEGATIVE_INFINITY;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.app.start(this.options);
  }

  async onModuleDestroy(): Promise<void> {
    await this.app.drain();
  }
}

/** Closes transports and registry after the last hook of the user's modules. */
@Module({})
export class AppCloser implements OnApplicationShutdown {
  constructor(
    @Inject(RpcApplication) private readonly app: RpcApplication,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    for (const module of modules.values()) if (module.metatype === AppCloser) module.distance = Number.POSITIVE_INFINITY;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.app.stop();
  }
}
