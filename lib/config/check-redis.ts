import { checkLayer } from './check-layer.js';
import { formatPath } from './config-layer.js';
import { Findings } from './findings.js';
import { objectAt } from './mqant-keys.js';
import { deepFreeze } from './plain.js';
import { readRedis, type RedisConfig, type RedisSection } from './redis-section.js';

/** The config of one Redis client that code gives, checked as if it stood in a file. @throws BootError with every mistake */
export function checkRedisSection(section: RedisSection, name: string, where: string): RedisConfig {
  const findings = new Findings();
  const tree = { Anthill: { redis: { [name]: section } } };
  const checked = checkLayer({ name: where, tree, strict: true, at: (path) => `${where}: ${formatPath(path.slice(3)) || 'the options'}` }, findings);
  const clients = readRedis(objectAt(objectAt(checked, 'Anthill'), 'redis'), findings);
  findings.throwIfAny();
  return deepFreeze(clients[name]!);
}
