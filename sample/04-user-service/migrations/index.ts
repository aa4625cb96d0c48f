import { CreateUsers1764115200000 } from './1764115200000-create-users.js';

/** In order. */
export const migrations = [CreateUsers1764115200000];
