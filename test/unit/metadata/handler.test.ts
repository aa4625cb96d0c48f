import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Handler, handlersOf } from '../../../lib/metadata/handler.decorator.js';

class Base {
  @Handler('/base/kept')
  kept(): void {}

  @Handler('/base/overridden')
  overridden(): void {}

  @Handler('/base/replaced')
  replaced(): void {}
}

class Sub extends Base {
  @Handler('/sub/alias-1', { concurrent: true })
  @Handler('/sub/alias-2')
  aliased(): void {}

  override overridden(): void {}

  @Handler('/sub/replaced')
  override replaced(): void {}
}

describe('@Handler', () => {
  it('keeps aliases in the order they are read', () => {
    const own = handlersOf(Sub).filter(({ method }) => method === 'aliased');
    assert.deepEqual(
      own.map(({ path, options }) => [path, options]),
      [
        ['/sub/alias-1', { concurrent: true }],
        ['/sub/alias-2', {}],
      ],
    );
  });

  it('is inherited, kept by a plain override and replaced by a decorated one', () => {
    assert.deepEqual(
      handlersOf(Sub).map(({ path, declaredBy }) => [path, declaredBy.name]),
      [
        ['/base/kept', 'Base'],
        ['/base/overridden', 'Base'],
        ['/sub/alias-1', 'Sub'],
        ['/sub/alias-2', 'Sub'],
        ['/sub/replaced', 'Sub'],
      ],
    );
    assert.equal(handlersOf(Base).length, 3, 'the base is untouched');
  });

  it('records what it was put on', () => {
    class Odd {
      @Handler('/static')
      static onStatic(): void {}

      @Handler('/accessor')
      get accessor(): string {
        return '';
      }

      @Handler('/property')
      property!: () => void;
    }
    const kinds = new Map(handlersOf(Odd).map(({ method, kind }) => [method, kind]));
    assert.deepEqual(Object.fromEntries(kinds), { onStatic: 'static', accessor: 'accessor', property: 'property' });
  });

  it('freezes what it wrote', () => {
    const [first] = handlersOf(Base);
    assert.ok(Object.isFrozen(first?.options));
  });
});
