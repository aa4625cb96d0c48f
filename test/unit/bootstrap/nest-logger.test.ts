import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConsoleLogger, type LoggerService } from '@nestjs/common';
import { consoleLogger, setLevel } from '../../../lib/bootstrap/console-logger.js';
import { NestLogger } from '../../../lib/wiring/nest-logger.js';
import type { AppConfig } from '../../../lib/config/app-config.js';

function logger(): { logger: NestLogger; calls: unknown[][] } {
  const calls: unknown[][] = [];
  const keep = (level: string) => (...args: unknown[]): void => void calls.push([level, ...args]);
  return { logger: new NestLogger({ log: keep('log'), warn: keep('warn'), error: keep('error'), debug: keep('debug') }), calls };
}

/** The text of a message with fields. */
function text(message: string, fields?: Record<string, unknown>): unknown {
  const { logger: target, calls } = logger();
  target.info(message, fields);
  return calls[0]![1];
}

describe('NestLogger', () => {
  it("maps levels to Nest's, with its own context", () => {
    const { logger: target, calls } = logger();
    target.debug('d');
    target.info('i');
    target.warn('w');
    target.error('e');
    assert.deepEqual(calls, [['debug', 'd', 'Anthill'], ['log', 'i', 'Anthill'], ['warn', 'w', 'Anthill'], ['error', 'e', undefined, 'Anthill']]);
  });

  it('works with a logger that has no debug', () => {
    const calls: unknown[] = [];
    const partial: LoggerService = { log: (message: unknown) => void calls.push(message), warn() {}, error() {} };
    new NestLogger(partial).debug('x');
    new NestLogger(partial).info('y');
    assert.deepEqual(calls, ['y']);
  });

  it('appends fields as key=value', () => {
    assert.equal(text('m', { a: 1, b: 'x y', c: undefined, d: null, e: { f: [1] }, g: '', h: 'a="b"', i: true, j: 5n }), 'm a=1 b="x y" d=null e={"f":[1]} g= h="a=\\"b\\"" i=true j=5');
  });

  it('keeps a message on one line, whatever it holds', () => {
    assert.equal(text('a\nb\r\u001b[31m\u2028c\u0085', { x: 'y\nz' }), 'a\\x0ab\\x0d\\x1b[31m\\x2028c\\x85 x="y\\nz"');
  });

  it('gives the stack of an error to Nest, and its name and message to the line', () => {
    const { logger: target, calls } = logger();
    const error = new TypeError('bad');
    target.error('it failed', { error, path: '/x' });
    assert.deepEqual(calls, [['error', 'it failed error="TypeError: bad" path=/x', error.stack, 'Anthill']]);
  });

  it('survives what throws when looked at', () => {
    const hostile = new Error('x');
    Object.defineProperty(hostile, 'stack', { get: () => { throw new Error('no'); } });
    Object.defineProperty(hostile, 'message', { get: () => { throw new Error('no'); } });
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const proxy = new Proxy({}, { get: () => { throw new Error('no'); }, ownKeys: () => { throw new Error('no'); } });
    const { logger: target, calls } = logger();
    target.error('m', { error: hostile, cycle, proxy, symbol: Symbol('s'), bare: Object.create(null) as object, fn: Object.assign(() => {}, { toString: () => { throw new Error('no'); } }) });
    assert.equal(calls.length, 1);
    assert.match(String(calls[0]![1]), /^m error="an unreadable error" cycle=\[unserializable\] proxy=\[unserializable\] symbol=Symbol\(s\) bare=\{\} fn=\[unreadable\]$/);
  });
});

describe('the logger of the config', () => {
  const config = (level: AppConfig['log']['level'], format: AppConfig['log']['format'] = 'text'): AppConfig => ({ log: { level, format } }) as AppConfig;

  it('writes its level and what is above', () => {
    const enabled = (level: AppConfig['log']['level']): string[] => {
      const target = consoleLogger(config(level)) as ConsoleLogger;
      return (['debug', 'log', 'warn', 'error', 'fatal'] as const).filter((each) => target.isLevelEnabled(each));
    };
    assert.deepEqual(enabled('debug'), ['debug', 'log', 'warn', 'error', 'fatal']);
    assert.deepEqual(enabled('info'), ['log', 'warn', 'error', 'fatal']);
    assert.deepEqual(enabled('warn'), ['warn', 'error', 'fatal']);
    assert.deepEqual(enabled('error'), ['error', 'fatal']);
    assert.deepEqual(enabled('silent'), []);
  });

  it('changes its level after a reload', () => {
    const target = consoleLogger(config('info')) as ConsoleLogger;
    setLevel(target, config('error'));
    assert.deepEqual([target.isLevelEnabled('log'), target.isLevelEnabled('error')], [false, true]);
    setLevel(false, config('error'));
  });
});
