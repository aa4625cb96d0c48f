import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Inject, Injectable, Module, type DynamicModule, type Type } from '@nestjs/common';
import { Handler, RpcModule } from '../../lib/index.js';
import { needModule, type ModuleSupplier } from '../../lib/plugin.js';
import { createTestingApp } from '../../lib/testing/index.js';

@Module({})
class Numbers {}

/** Provides each number that is asked for under its own token. */
class NumberSupplier implements ModuleSupplier<number> {
  readonly name = 'numbers';
  readonly calls: { wanted: readonly number[]; graph: readonly (Type | DynamicModule)[] }[] = [];

  async moduleFor(wanted: readonly number[], graph: readonly (Type | DynamicModule)[]): Promise<DynamicModule> {
    this.calls.push({ wanted, graph });
    const providers = [...new Set(wanted)].map((value) => ({ provide: `number ${value}`, useValue: value }));
    return { module: Numbers, global: true, providers, exports: providers.map(({ provide }) => provide) };
  }
}

function fixture(supplier: NumberSupplier) {
  const InjectNumber = (value: number): ParameterDecorator => (target, key, index) => {
    needModule(target as Function, supplier, value);
    Inject(`number ${value}`)(target, key, index);
  };

  @Injectable()
  class Adder {
    constructor(
      @InjectNumber(1) private readonly one: number,
      @InjectNumber(2) private readonly two: number,
    ) {}
    sum() {
      return this.one + this.two;
    }
  }

  @RpcModule({ type: 'sum', providers: [Adder] })
  class Sum {
    constructor(
      private readonly adder: Adder,
      @InjectNumber(2) private readonly two: number,
    ) {}
    @Handler('/sum')
    sum() {
      return this.adder.sum() * this.two;
    }
  }

  @RpcModule({ type: 'elsewhere' })
  class Elsewhere {
    constructor(@InjectNumber(99) readonly number: number) {}
  }
  return { Sum, Elsewhere };
}

describe('modules that classes need', () => {
  it('are added once per supplier, for the module class and its providers', async () => {
    const supplier = new NumberSupplier();
    const { Sum } = fixture(supplier);
    const app = await createTestingApp({ modules: [Sum] });
    try {
      assert.equal(await app.rpc.call('sum', '/sum'), 6);
      assert.deepEqual(supplier.calls.map(({ wanted }) => [...wanted].sort()), [[1, 2, 2]]);
      assert.ok(supplier.calls[0]!.graph.includes(Sum));
    } finally {
      await app.stop();
    }
  });

  it('are not added for modules of other process groups', async () => {
    const supplier = new NumberSupplier();
    const { Sum, Elsewhere } = fixture(supplier);
    const groups = { name: 'groups', load: async () => ({ name: 'groups', tree: { Module: { sum: [{ ProcessID: 'development' }], elsewhere: [{ ProcessID: 'other' }] } } }) };
    const app = await createTestingApp({ modules: [Sum, Elsewhere], sources: [groups] });
    try {
      assert.deepEqual(supplier.calls.map(({ wanted }) => wanted.includes(99)), [false]);
    } finally {
      await app.stop();
    }
  });
});
