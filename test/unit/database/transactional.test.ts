import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UseGuards } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/internal';
import { isObservable, of } from 'rxjs';
import { Transactional } from '../../../lib/database/transactional.decorator.js';
import { currentLevel, outsideTransaction, runInLevel, TransactionLevel } from '../../../lib/database/transaction-scope.js';
import { needsOf } from '../../../lib/metadata/needed-module.js';

describe('@Transactional', () => {
  const guard = { canActivate: () => true };
  class Service {
    @UseGuards(guard)
    @Transactional({ db: 'orders', isolation: 'SERIALIZABLE', idempotent: true })
    below(_a: string, _b: number): string {
      return 'done';
    }

    @Transactional()
    @UseGuards(guard)
    above() {
      return of(1, 2);
    }
  }

  it('leaves the method what others read on it, whatever the order of decorators', () => {
    const { below, above } = Service.prototype;
    assert.deepEqual([below.name, below.length, above.name], ['below', 2, 'above']);
    assert.deepEqual([Reflect.getMetadata(GUARDS_METADATA, below), Reflect.getMetadata(GUARDS_METADATA, above)], [[guard], [guard]]);
    assert.deepEqual(needsOf(Service).map(({ wanted }) => (wanted as { name: string }).name), ['orders', 'default']);
  });

  it('runs the method through what is injected', async () => {
    const ran: unknown[] = [];
    const service = new Service();
    for (const db of ['orders', 'default']) {
      Object.assign(service, { [Symbol.for(`anthill: transactions of '${db}'`)]: { runInTransaction: async (options: unknown, work: () => unknown) => (ran.push(options), work()) } });
    }
    assert.equal(await service.below('x', 1), 'done');
    assert.equal(isObservable(await service.above()), true);
    assert.deepEqual(ran, [{ isolation: 'SERIALIZABLE', idempotent: true }, {}]);
  });

  it('refuses to run without: nothing is in no transaction by accident', async () => {
    await assert.rejects(async () => new Service().below('x', 1), /Service\.below is @Transactional, .* not made by Nest/);
  });

  it('is refused where it means nothing', () => {
    const refused = (target: object, key: string, descriptor: PropertyDescriptor | undefined, message: RegExp) =>
      assert.throws(() => Transactional()(target, key, descriptor as never), (error: Error & { reason: string }) => error.reason === 'TRANSACTIONAL_TARGET' && message.test(error.message));
    refused(Service, 'all', { value() {} }, /static method/);
    refused(Service.prototype, 'all', { get: () => 1 }, /Service\.all is on no method/);
    refused(Service.prototype, 'all', undefined, /on no method/);
    refused(Service.prototype, 'all', { async *value() { yield 1; } }, /generator/);
    refused(Service.prototype, 'all', { *value() { yield 1; } }, /generator/);
  });
});

describe('levels of a transaction', () => {
  const owner = {};
  const make = (parent?: TransactionLevel<string>) => new TransactionLevel('runner', 'main', undefined, parent);

  it('are found by async context, the innermost open one of that database', async () => {
    const [outer, other] = [make(), make()];
    const inner = make(outer);
    assert.equal(currentLevel(owner), undefined);
    await runInLevel(owner, outer, () => runInLevel({}, other, () => runInLevel(owner, inner, async () => {
      await Promise.resolve();
      assert.equal(currentLevel(owner), inner);
      inner.close('committed');
      assert.equal(currentLevel(owner), outer);
      outer.close('committed');
      assert.equal(currentLevel(owner), undefined, 'what goes on after a commit is on its own');
      assert.equal(outsideTransaction(() => currentLevel(owner)), undefined);
    })));
  });

  it('that were rolled back let nothing through', () => {
    const outer = make();
    const inner = make(outer);
    runInLevel(owner, inner, () => {
      inner.close('committed');
      outer.close('rolled back');
      assert.throws(() => currentLevel(owner), { reason: 'TRANSACTION_STATE' });
    });
  });

  it('open one savepoint at a time; the level around it waits', async () => {
    const level = make();
    const order: string[] = [];
    assert.equal(level.settled(), undefined);
    const children = ['a', 'b', 'c'].map(async (name) => {
      const leave = await level.enter();
      order.push(`${name} in`);
      await Promise.resolve();
      order.push(`${name} out`);
      leave();
    });
    await level.settled();
    order.push('settled');
    await Promise.all(children);
    assert.deepEqual(order, ['a in', 'a out', 'b in', 'b out', 'c in', 'c out', 'settled']);
  });
});
