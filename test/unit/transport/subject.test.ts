import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { subjectOf } from '../../../lib/transport/subject.js';

describe('subjectOf', () => {
  for (const [kind, name, subject] of [
    ['node', 'helloworld@0123456789abcdef', 'anthill.rpc.helloworld.0123456789abcdef'],
    ['node', 'helloworld.0123456789abcdef', 'anthill.rpc.helloworld.0123456789abcdef'],
    ['node', 'shop.cart@1', 'anthill.rpc.shop%2Ecart.1'],
    ['node', 'a@b@c.d', 'anthill.rpc.a.b%40c%2Ed'],
    ['node', 'a b@*', 'anthill.rpc.a%20b.%2A'],
    ['node', 'a:b@>', 'anthill.rpc.a%3Ab.%3E'],
    ['node', '你@1', 'anthill.rpc.%E4%BD%A0.1'],
    ['node', '@', 'anthill.rpc.%.%'],
    ['process', '00ff.x', 'anthill.process.00ff%2Ex'],
    ['process', '', 'anthill.process.%'],
  ] as const) {
    it(`${kind} ${JSON.stringify(name)}`, () => assert.equal(subjectOf(kind, name), subject));
  }
});
