import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Injectable } from '@nestjs/common';
import type { DataSource, EntityManager, Repository } from 'typeorm';
import { Handler, InjectDb, InjectEntityManager, InjectRepository, RpcModule, Transactional } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { Account } from './database.support.js';

@Injectable()
class Bank {
  constructor(
    @InjectRepository(Account) readonly accounts: Repository<Account>,
    @InjectDb() readonly db: DataSource,
    @InjectEntityManager() readonly manager: EntityManager,
  ) {}

  @Transactional()
  async move(from: string, to: string, amount: number): Promise<void> {
    await this.accounts.decrement({ owner: from }, 'balance', amount);
    await this.accounts.increment({ owner: to }, 'balance', amount);
    const poor = await this.accounts.findOneByOrFail({ owner: from });
    if (poor.balance < 0) throw new Error('too poor');
  }
}

@RpcModule({ type: 'bank', providers: [Bank] })
class BankModule {
  constructor(readonly bank: Bank) {}

  @Handler('/open', { concurrent: true })
  async open(owner: string, balance: number): Promise<number> {
    return (await this.bank.accounts.save({ owner, balance })).id;
  }

  @Handler('/move', { concurrent: true })
  move(from: string, to: string, amount: number): Promise<void> {
    return this.bank.move(from, to, amount);
  }

  @Handler('/balance', { concurrent: true })
  async balance(owner: string): Promise<number> {
    return (await this.bank.db.query('SELECT balance FROM account WHERE owner = ?', [owner]))[0].balance;
  }
}

async function start(t: TestContext) {
  const app = await createTestingApp({ modules: [BankModule] });
  t.after(() => app.stop());
  return app;
}

describe('databases by annotation', () => {
  it('are there with nothing declared', async (t) => {
    const app = await start(t);
    assert.equal(await app.rpc.call('bank', '/open', ['ann', 10]), 1);
    assert.equal(await app.rpc.call('bank', '/open', ['bob', 0]), 2);
    await app.rpc.call('bank', '/move', ['ann', 'bob', 4]);
    await assert.rejects(app.rpc.call('bank', '/move', ['ann', 'bob', 40]));
    assert.equal(await app.rpc.call('bank', '/balance', ['ann']), 6);
    assert.equal(await app.rpc.call('bank', '/balance', ['bob']), 4);
  });
});
