import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFilter, isTopic, matches } from '../../../lib/gateway/gate/topic-filter.js';
import { TopicTree } from '../../../lib/gateway/gate/topic-tree.js';

/** From MQTT 3.1.1, 4.7.1 and 4.7.2. */
const cases: readonly [filter: string, topic: string, fits: boolean][] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/#', 'sport', true],
  ['#', 'a/b', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/x', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS/x', true],
  ['a/b', 'a/B', false],
  ['a', 'a', true],
];

describe('topic filters', () => {
  for (const [filter, topic, fits] of cases) {
    it(`${filter} ${fits ? 'takes' : 'leaves'} ${topic}`, () => {
      assert.equal(matches(filter, topic), fits);
      const tree = new TopicTree<string>();
      tree.add(filter, 'me', 1);
      assert.equal(tree.match(topic).has('me'), fits);
    });
  }

  it('have their wildcards in whole levels, `#` at the end', () => {
    for (const filter of ['a/#/b', 'a#', 'a/b+', '', 'a\0']) assert.equal(isFilter(filter), false, filter);
    for (const filter of ['#', '+', '/', 'a/+/b/#', 'a//b']) assert.equal(isFilter(filter), true, filter);
    for (const topic of ['a/+', '#', '', 'a\0b']) assert.equal(isTopic(topic), false, topic);
  });

  it('give the highest QoS of those that overlap, once', () => {
    const tree = new TopicTree<string>();
    tree.add('a/#', 'me', 0);
    tree.add('a/+', 'me', 2);
    tree.add('a/b', 'me', 1);
    tree.add('a/b', 'you', 1);
    assert.deepEqual([...tree.match('a/b')], [['me', 2], ['you', 1]]);
    tree.remove('a/+', 'me');
    assert.equal(tree.match('a/b').get('me'), 1);
    tree.remove('never', 'me');
    for (const filter of ['a/#', 'a/b']) tree.remove(filter, 'me');
    tree.remove('a/b', 'you');
    assert.equal(tree.match('a/b').size, 0);
  });
});
