import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProtoReader } from '../../../lib/grpc/grpc.proto.js';
import type { ProtoJson } from '../../../lib/grpc/proto-source.js';

const field = (type: string, id: number, more: object = {}) => ({ type, id, ...more });
const PROTO: ProtoJson = {
  nested: {
    'a.b': {
      nested: {
        Colour: { values: { RED: 0, BLUE: 1 } },
        Part: { fields: { id: field('int64', 1), self: field('Part', 2), inner: field('Whole.Inner', 3) } },
        Texts: { fields: { text: field('string', 1), again: field('Texts', 2) } },
        Whole: {
          nested: { Inner: { fields: { big: field('uint64', 1), shade: field('Shade', 2) }, nested: { Shade: { values: { DARK: 0 } } } } },
          oneofs: { either: { oneof: ['fixed', 'small'] } },
          fields: {
            inners: field('Inner', 1, { rule: 'repeated' }),
            counts: field('int64', 2, { keyType: 'string' }),
            parts: field('Part', 3, { keyType: 'int64' }),
            fixed: field('fixed64', 4),
            small: field('sint32', 5),
            wide: field('double', 6),
            raw: field('bytes', 7),
            colour: field('Colour', 8),
            many: field('int64', 9, { rule: 'repeated' }),
            isOn: field('bool', 10),
            text: field('string', 11),
            whole: field('uint32', 12),
          },
        },
        Checks: { methods: { Go: { requestType: 'Whole', responseType: 'Part' }, Say: { requestType: 'Texts', responseType: 'Whole.Inner' } } },
      },
    },
  },
};

async function methods() {
  return (await new ProtoReader('the test').service('a.b.Checks', PROTO, { defaults: false }, 'the test')).methods;
}

describe('messages of a loaded proto', () => {
  it('are refused when a value would arrive as another one, naming the field', async () => {
    const { requestSerialize } = (await methods()).get('Go')!;
    const wrong: [object, RegExp][] = [
      [{ many: ['1', 'abc'] }, /^many\[1\]: "abc" is not an int64$/],
      [{ many: ['12x'] }, /many\[0\]: "12x"/],
      [{ many: [''] }, /many\[0\]: "" /],
      [{ many: [' 5'] }, /many\[0\]/],
      [{ many: [1.5] }, /1\.5 is not an int64/],
      [{ many: [NaN] }, /NaN/],
      [{ many: [null] }, /null is not an int64/],
      [{ many: [true] }, /true/],
      [{ many: [{}] }, /an object is not/],
      [{ many: ['9223372036854775808'] }, /9223372036854775808/],
      [{ many: [2n ** 63n] }, /is not an int64/],
      [{ many: [2 ** 63] }, /is not an int64/],
      [{ fixed: '-1' }, /^fixed: "-1" is not a uint64$/],
      [{ fixed: -1 }, /fixed/],
      [{ fixed: 2n ** 64n }, /fixed/],
      [{ small: 2 ** 40 }, /^small: 1099511627776 is not an int32$/],
      [{ small: 'seven' }, /small/],
      [{ whole: -1 }, /whole: -1 is not a uint32/],
      [{ whole: 0.5 }, /whole/],
      [{ wide: 'abc' }, /^wide: "abc" is not a number$/],
      [{ wide: {} }, /wide/],
      [{ colour: 'GREEN' }, /^colour: "GREEN" is not one of RED, BLUE$/],
      [{ colour: 0.5 }, /colour/],
      [{ isOn: 'false' }, /^isOn: "false" is not a boolean$/],
      [{ raw: 5 }, /^raw: 5 is not bytes or base64$/],
      [{ counts: { a: '1', b: 'zz' } }, /^counts\["b"\]: "zz" is not an int64$/],
      [{ parts: { abc: {} } }, /^the key of parts: "abc" is not an int64$/],
      [{ parts: { 7: { self: { self: { inner: { big: 'x' } } } } } }, /^parts\["7"\]\.self\.self\.inner\.big: "x" is not a uint64$/],
      [{ inners: [{}, { shade: 'LIGHT' }] }, /^inners\[1\]\.shade: "LIGHT" is not one of DARK$/],
    ];
    for (const [message, expected] of wrong) assert.throws(() => requestSerialize(message as never), { message: expected }, JSON.stringify(Object.keys(message)));
  });

  it('arrive as they are otherwise', async () => {
    const { requestSerialize, requestDeserialize } = (await methods()).get('Go')!;
    const back = (message: object) => requestDeserialize(requestSerialize(message as never) as Buffer) as Record<string, unknown>;
    assert.deepEqual(back({ many: ['1', 2, 3n, '-9223372036854775808', 2 ** 60, { low: 4, high: 0, unsigned: false }] })['many'], ['1', '2', '3', '-9223372036854775808', '1152921504606846976', '4']);
    assert.equal(back({ fixed: '18446744073709551615' })['fixed'], '18446744073709551615');
    assert.deepEqual([back({ small: '-7' })['small'], back({ whole: 4294967295 })['whole'], back({ wide: '1.5' })['wide'], back({ wide: NaN })['wide']], [-7, 4294967295, 1.5, NaN]);
    assert.deepEqual([back({ colour: 'BLUE' })['colour'], back({ colour: 1 })['colour'], back({ colour: 77 })['colour'], back({ isOn: 1 })['isOn']], ['BLUE', 'BLUE', 77, true]);
    assert.deepEqual(back({ raw: new Uint8Array([1, 2]) })['raw'], Buffer.from([1, 2]));
    const message = { counts: { a: '1' }, text: '5', inners: [{ big: '3', shade: 'DARK' }] };
    assert.deepEqual({ ...back({ ...message, small: null, wide: undefined }) }, { ...message, many: [], parts: {} });
    assert.throws(() => requestSerialize({ inners: [5] } as never), /object expected/);
  });

  it('are checked both ways, and not where nothing can go wrong', async () => {
    const both = await methods();
    assert.throws(() => both.get('Go')!.responseSerialize({ id: 'x' } as never), /^TypeError: id: "x" is not an int64$/);
    assert.throws(() => both.get('Say')!.responseSerialize({ big: 'x' } as never), /big: "x" is not a uint64/);
    const { requestSerialize, requestDeserialize } = both.get('Say')!;
    assert.deepEqual(requestDeserialize(requestSerialize({ text: 'a', again: { text: 'b' } } as never) as Buffer), { text: 'a', again: { text: 'b' } });
    // A check of our own would be a function around the library's.
    assert.equal(requestSerialize.name, 'serialize');
  });
});
