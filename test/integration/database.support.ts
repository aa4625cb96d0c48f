import { Injectable } from '@nestjs/common';
import { Column, type DataSource, Entity, type EntityManager, ManyToOne, type MigrationInterface, OneToMany, PrimaryGeneratedColumn, type QueryRunner, type Relation, type Repository } from 'typeorm';
import { outsideTransaction } from '../../lib/database/index.js';
import { Handler, InjectDb, InjectEntityManager, InjectRepository, RpcModule, Transactional } from '../../lib/index.js';

@Entity()
export class Account {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true, length: 40 })
  owner!: string;

  @Column({ default: 0 })
  balance!: number;

  @OneToMany(() => Booking, (booking) => booking.account)
  bookings!: Relation<Booking>[];
}

/** Injected by nobody: it is found by the relation. */
@Entity()
export class Booking {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  amount!: number;

  @ManyToOne(() => Account, (account) => account.bookings)
  account!: Relation<Account>;
}

export class CreateAccounts1700000000000 implements MigrationInterface {
  name = 'CreateAccounts1700000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE "account" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "owner" varchar(40) NOT NULL UNIQUE, "balance" integer NOT NULL DEFAULT 7)');
    await runner.query('CREATE TABLE "booking" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "amount" integer NOT NULL, "accountId" integer REFERENCES "account" ("id"))');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE "booking"');
    await runner.query('DROP TABLE "account"');
  }
}

@Injectable()
export class Bank {
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

  /** Whatever a test does in a transaction. */
  @Transactional()
  within<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  /** What another user of the database does meanwhile. */
  outside<T>(work: () => Promise<T>): Promise<T> {
    return outsideTransaction(work);
  }
}

@RpcModule({ type: 'bank', providers: [Bank] })
export class BankModule {
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
  async balance(owner: string): Promise<number | undefined> {
    return (await this.bank.db.query('SELECT balance FROM account WHERE owner = ?', [owner]))[0]?.balance;
  }

  @Handler('/hang', { concurrent: true })
  @Transactional()
  async hang(owner: string): Promise<void> {
    await this.bank.accounts.save({ owner });
    await new Promise(() => {});
  }
}
