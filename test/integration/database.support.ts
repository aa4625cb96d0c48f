import { Column, Entity, type Relation, ManyToOne, OneToMany, PrimaryGeneratedColumn } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';

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
