import { migrationSource } from 'anthill/database';
import { migrations } from './migrations/index.js';
import { User } from './user.entity.js';

/** For TypeORM's commands (`npm run migration:run`): the database that the service would use, by the same config. */
export default await migrationSource({ entities: [User], migrations });
