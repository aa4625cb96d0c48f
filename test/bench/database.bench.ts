/**
 * One process that does the same work with bare TypeORM and through Anthill, in turns, on one server and with pools of one size. Arguments: type and URL of the
 * server, rounds. Sends the time of each round to whoever forked it.
 */
import { Injectable } from '@nestjs/common';
import { Column, DataSource, type DataSourceOptions, Entity, PrimaryColumn, type Repository } from 'typeorm';
import { Handler, InjectDb, InjectRepository, RpcModule, Transactional } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';

/** Microseconds of one operation, in one round. */
export interface DatabaseRound {
  readonly work: string;
  readonly ours: number;
  readonly bare: number;
}

@Entity('bench')
class Row {
  @PrimaryColumn()
  id!: number;

  @Column()
  count!: number;
}

@Injectable()
class Ours {
  constructor(@InjectDb() readonly db: DataSource, @InjectRepository(Row) readonly rows: Repository<Row>) {}

  @Transactional()
  bump(id: number): Promise<unknown> {
    return this.rows.increment({ id }, 'count', 1);
  }
}

@RpcModule({ type: 'bench', providers: [Ours] })
class Bench {
  @Handler('/nothing')
  nothing(): void {}
}

const [type = 'mariadb', url = '', count = '100'] = process.argv.slice(2);
/** Short turns: what else the machine does disturbs both alike. */
const OPERATIONS = 50;
const WARM_UP = 40;

const app = await createTestingApp({ modules: [Bench], databases: { default: { url, schema: 'sync', pool: { max: 2 } } } });
const ours = app.get(Ours);
const bare = await new DataSource({ type, url, entities: [Row], poolSize: 2 } as DataSourceOptions).initialize();
const rows = bare.getRepository(Row);
await rows.save({ id: 1, count: 0 });

const select = `SELECT * FROM bench WHERE id = ${type === 'postgres' ? '$1' : '?'}`;
const works: readonly { readonly work: string; readonly ours: (id: number) => Promise<unknown>; readonly bare: (id: number) => Promise<unknown> }[] = [
  { work: 'query', ours: (id) => ours.db.query(select, [id]), bare: (id) => bare.query(select, [id]) },
  { work: 'findOneBy', ours: (id) => ours.rows.findOneBy({ id }), bare: (id) => rows.findOneBy({ id }) },
  { work: 'transaction', ours: (id) => ours.bump(id), bare: (id) => bare.transaction((manager) => manager.getRepository(Row).increment({ id }, 'count', 1)) },
];

/** One after the other. */
async function timed(operation: (id: number) => Promise<unknown>): Promise<number> {
  const from = performance.now();
  for (let i = 0; i < OPERATIONS; i++) await operation(1);
  return ((performance.now() - from) * 1000) / OPERATIONS;
}

const found: DatabaseRound[] = [];
for (const { work, ...operations } of works) {
  for (let round = -WARM_UP; round < Number(count); round++) {
    const times = { ours: 0, bare: 0 };
    for (const who of round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)) times[who] = await timed(operations[who]);
    if (round >= 0) found.push({ work, ...times });
  }
}
process.send!(found);
await bare.destroy();
await app.stop();
process.disconnect();
