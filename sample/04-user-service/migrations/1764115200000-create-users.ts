import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

/** Written with TypeORM's tables instead of SQL, so that one migration serves every database. */
export class CreateUsers1764115200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'users',
        columns: [
          { name: 'id', type: 'integer', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
          { name: 'name', type: 'varchar', length: '40' },
          { name: 'credits', type: 'integer', default: 0 },
        ],
        indices: [{ name: 'users_name', columnNames: ['name'], isUnique: true }],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('users');
  }
}
