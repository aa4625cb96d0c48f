import { describe } from 'node:test';
import { systemClock } from '../../../lib/common/clock.js';
import { etcdClientSuite } from './etcd-client.suite.js';
import { FakeEtcd } from './fake-etcd.js';

describe('the etcd in memory that other tests use', () => {
  const client = new FakeEtcd(systemClock);
  etcdClientSuite(() => ({ client, compact: (revision) => client.compact(revision) }));
});
