import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rpcError } from '../../../lib/common/error-catalog.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { inCallTerms, isConnectionError, isTransactionConflict, isUniqueViolation } from '../../../lib/database/database-errors.js';
import { inWords, isWorthAnotherTry } from '../../../lib/database/server/startup-error.js';
import { resolveDatabase } from '../../../lib/database/resolve-database.js';

const withCode = (code: string, message = 'it said so', more: object = {}): Error => Object.assign(new Error(message), { code, ...more });
/** As TypeORM wraps it. */
const wrapped = (error: Error): Error => Object.assign(new Error(error.message), { name: 'QueryFailedError', driverError: error });

describe('errors of databases', () => {
  it('of the connection become DATABASE_DOWN, without the address', () => {
    const lost = [
      ...['ECONNREFUSED', 'ECONNRESET', 'PROTOCOL_CONNECTION_LOST', 'ER_SERVER_SHUTDOWN', '57P01', '08006', '53300'].map((code) => withCode(code, 'connect to 10.0.0.5:3306')),
      ...['Connection terminated unexpectedly', 'timeout exceeded when trying to connect', "Can't add new command when connection is in closed state", 'Client has encountered a connection error and is not queryable'].map((message) => new Error(message)),
    ];
    for (const error of lost.flatMap((each) => [each, wrapped(each)])) {
      const told = inCallTerms(error, 'main');
      assert.ok(RpcError.is(told), error.message);
      assert.deepEqual([told.code, told.reason, told.metadata], ['UNAVAILABLE', 'DATABASE_DOWN', { database: 'main' }]);
      assert.ok(!told.message.includes('10.0.0.5'));
      assert.equal(told.cause, error);
    }
  });

  it('of statements stay as they are', () => {
    for (const error of [withCode('23505'), withCode('ER_PARSE_ERROR'), new Error('no such table: x'), new TypeError('x')]) assert.equal(inCallTerms(error, 'main'), error);
    const own = rpcError('DATABASE_BUSY', 'x');
    assert.equal(inCallTerms(own, 'main'), own);
    assert.equal(isConnectionError(own), false);
  });

  it('of lost transactions become TRANSACTION_CONFLICT, also below others', () => {
    for (const code of ['ER_LOCK_DEADLOCK', '40001', '40P01', 'ER_CHECKREAD']) {
      const told = inCallTerms(wrapped(withCode(code)), 'main') as RpcError;
      assert.deepEqual([told.code, told.reason], ['ABORTED', 'TRANSACTION_CONFLICT']);
      assert.equal(isTransactionConflict(new Error('mine', { cause: told })), true);
    }
    assert.equal(isTransactionConflict(withCode('23505')), false);
    const circle: Error & { cause?: unknown } = new Error('x');
    circle.cause = circle;
    assert.equal(isTransactionConflict(circle), false);
  });

  it('of duplicates are told on any database', () => {
    for (const error of [withCode('ER_DUP_ENTRY'), withCode('23505'), new Error('UNIQUE constraint failed: user.name')]) {
      assert.equal(isUniqueViolation(wrapped(error)), true);
      assert.equal(isUniqueViolation(new Error('mine', { cause: wrapped(error) })), true);
    }
    for (const error of [withCode('23503'), new Error('NOT NULL constraint failed: x'), undefined, null, 'text']) assert.equal(isUniqueViolation(error), false);
  });
});

describe('a start without its database', () => {
  const settings = resolveDatabase({ name: 'main', workDir: '/', config: { url: 'mariadb://me:tops3cret@h:1/d' } });

  it('says what to try', () => {
    const told = (error: Error): string => inWords(settings, error);
    assert.match(told(withCode('ECONNREFUSED', 'connect ECONNREFUSED h:1')), /connect ECONNREFUSED h:1; is the server running/);
    assert.match(told(withCode('ECONNREFUSED', '')), /connect ECONNREFUSED h:1; is the server/);
    assert.match(told(withCode('ER_ACCESS_DENIED_ERROR')), /user 'me' and its password right.*'d'/);
    assert.match(told(withCode('3D000')), /create the database/);
    assert.match(told(withCode('ENOTFOUND', 'getaddrinfo ENOTFOUND h')), /is the host right/);
    assert.match(told(new Error('no answer within 6000 ms')), /firewall/);
    assert.equal(told(new Error('the password is tops3cret')), 'the password is ***');
  });

  it('is worth another try when the server may be late', () => {
    assert.equal(isWorthAnotherTry(withCode('ECONNREFUSED')), true);
    assert.equal(isWorthAnotherTry(withCode('57P03')), true);
    assert.equal(isWorthAnotherTry(new Error('no answer within 1 ms')), true);
    assert.equal(isWorthAnotherTry(withCode('ER_ACCESS_DENIED_ERROR')), false);
  });
});
