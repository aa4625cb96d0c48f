import { Module } from '@nestjs/common';
import { memoryWorkerIds, UniqueIds, uniqueIds } from 'anthill';
import { consulWorkerIds } from 'anthill/consul';

/** hrpc's numbers, with worker ids that Consul leases where there is one: CONFIGS_ADDR says so, as in hrpc. */
export const ids = uniqueIds({ workers: process.env['CONFIGS_ADDR'] ? consulWorkerIds() : memoryWorkerIds() });

@Module({ providers: [{ provide: UniqueIds, useValue: ids }], exports: [UniqueIds] })
export class IdsModule {}
