import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** Portable: the same on SQLite, MariaDB and PostgreSQL. */
@Entity('users')
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Index('users_name', { unique: true })
  @Column({ length: 40 })
  name!: string;

  @Column({ type: 'integer', default: 0 })
  credits!: number;
}
