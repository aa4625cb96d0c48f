import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { BootError } from '../../../lib/common/boot-error.js';
import { methodOf, noMethod, ProtoReader } from '../../../lib/grpc/grpc.proto.js';
import { messageBytes, putBytes } from '../../../lib/grpc/proto-fields.js';
import type { GrpcProto, ProtoOptions } from '../../../lib/grpc/proto-source.js';

const PROTO = `syntax = "proto3"; package shop; import "part.proto";
service Shop { rpc add (Sum) returns (Sum); rpc List (Sum) returns (stream Sum); rpc Put (stream Sum) returns (Sum); rpc Talk (stream Sum) returns (stream Sum); }
message Sum { int64 big_one = 1; repeated int32 list = 2; Colour colour = 3; map<string, string> pairs = 4; oneof either { string left = 5; string right = 6; } Part part = 7; }
enum Colour { RED = 0; BLUE = 1; }`;
const PART = 'syntax = "proto3"; package shop; message Part { string name = 1; }';

describe('ProtoReader', () => {
  let dir = '';
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'anthill-proto-'));
    mkdirSync(join(dir, 'parts'));
    writeFileSync(join(dir, 'shop.proto'), PROTO);
    writeFileSync(join(dir, 'parts', 'part.proto'), PART);
    writeFileSync(join(dir, 'broken.proto'), 'syntax = "proto3"; service X { rpc');
  });
  after(() => rmSync(dir, { recursive: true }));

  const read = (proto: GrpcProto, options: ProtoOptions = {}, name = 'shop.Shop') => new ProtoReader('the test').service(name, proto, { includeDirs: [dir, join(dir, 'parts')], ...options }, '@GrpcService of Shop');
  const mistake = async (work: Promise<unknown>): Promise<BootError> => {
    const error = await work.then(() => assert.fail('no error'), (caught: unknown) => caught);
    assert.ok(error instanceof BootError, String(error));
    return error;
  };

  it('knows the four kinds, by file, URL and list', async () => {
    for (const proto of [join(dir, 'shop.proto'), pathToFileURL(join(dir, 'shop.proto')), 'shop.proto', ['shop.proto']] as GrpcProto[]) {
      const service = await read(proto);
      assert.deepEqual([...service.methods].map(([name, { kind, path }]) => [name, kind, path]), [
        ['add', 'unary', '/shop.Shop/add'],
        ['List', 'server streaming', '/shop.Shop/List'],
        ['Put', 'client streaming', '/shop.Shop/Put'],
        ['Talk', 'bidirectional', '/shop.Shop/Talk'],
      ]);
    }
  });

  it('makes messages of plain data: exact integers, names, nothing missing', async () => {
    const { requestSerialize, requestDeserialize } = (await read('shop.proto')).methods.get('add')!;
    const back = (value: object): unknown => requestDeserialize(requestSerialize(value as never) as Buffer);
    assert.deepEqual(back({}), { bigOne: '0', list: [], colour: 'RED', pairs: {}, part: null });
    assert.deepEqual(back({ bigOne: 2n ** 60n, colour: 1, left: 'l', part: {} }), { bigOne: '1152921504606846976', list: [], colour: 'BLUE', pairs: {}, left: 'l', either: 'left', part: { name: '' } });
  });

  it('makes them otherwise when told so', async () => {
    const options: ProtoOptions = { keepCase: true, longs: 'number', enums: 'number', defaults: false };
    const { requestSerialize, requestDeserialize } = (await read('shop.proto', options)).methods.get('add')!;
    assert.deepEqual(requestDeserialize(requestSerialize({ big_one: 5, colour: 1 } as never) as Buffer), { big_one: 5, colour: 1, list: [], pairs: {} });
  });

  it('reads JSON descriptors, descriptor sets and generated code', async () => {
    const json = { nested: { a: { nested: { M: { fields: { v: { type: 'int32', id: 1 } } }, S: { methods: { Go: { requestType: 'M', responseType: 'M' } } } } } } };
    assert.deepEqual([...(await read(json, {}, 'a.S')).methods.keys()], ['Go']);
    const loaded = await read('shop.proto');
    // A FileDescriptorSet is a list of files in field 1.
    const set = messageBytes((writer) => {
      for (const file of (loaded.definitions!['shop.Sum'] as MessageTypeDefinition<object, object>).fileDescriptorProtos) putBytes(writer, 1, file);
    });
    assert.deepEqual([...(await read(set)).methods.keys()], [...loaded.methods.keys()]);
    const definition = Object.fromEntries(loaded.methods);
    for (const generated of [definition, { service: definition }] as GrpcProto[]) {
      const service = await read(generated);
      assert.deepEqual([...service.methods.keys()], ['add', 'List', 'Put', 'Talk']);
      assert.equal(service.definitions, undefined);
    }
  });

  it('says what cannot be read, and where', async () => {
    const broken = await mistake(read(join(dir, 'broken.proto')));
    assert.equal(broken.reason, 'GRPC_PROTO');
    assert.match(broken.message, /@GrpcService of Shop: the proto \(.*broken\.proto\) cannot be read: illegal/);
    assert.match((await mistake(read(join(dir, 'none.proto')))).message, /cannot be found: ENOENT.*relative paths start at/);
    assert.match((await mistake(read(join(dir, 'shop.proto'), { includeDirs: [] }))).message, /cannot be found: ENOENT.*part\.proto.*includeDirs/);
    for (const odd of [7, null, {}, new Uint8Array([1, 2, 3])]) assert.equal((await mistake(read(odd as unknown as GrpcProto))).reason, 'GRPC_PROTO');
  });

  it('says which services and methods there are', async () => {
    const service = await mistake(read('shop.proto', {}, 'shop.Shap'));
    assert.equal(service.reason, 'GRPC_SERVICE');
    assert.match(service.message, /no service "shop\.Shap" \(did you mean "shop\.Shop"\?\); its services are shop\.Shop /);
    assert.equal((await mistake(read('shop.proto', {}, '__proto__'))).reason, 'GRPC_SERVICE');
    const loaded = await read('shop.proto');
    assert.equal((await mistake(read(Object.fromEntries(loaded.methods), {}, 'a.B'))).reason, 'GRPC_SERVICE');
    assert.match(noMethod(loaded, 'lisst', 'Shop.lisst').message, /Shop\.lisst: the service shop\.Shop has no method "lisst" \(did you mean "List"\?\); its methods are add, List, Put, Talk/);
  });

  it('finds a method by the name that TypeScript gives it', async () => {
    const service = await read('shop.proto');
    assert.deepEqual(['add', 'Add', 'list', 'List', 'toString', 'LIST'].map((name) => methodOf(service, name)?.name), ['add', 'add', 'List', 'List', undefined, undefined]);
  });
});
