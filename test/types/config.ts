/* Compiled with the project, never run: a wrong line here fails the build. */
import * as v from 'valibot';
import { z } from 'zod';
import type { Config, ConfigOf, ConfigValue } from '../../lib/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <T extends true>(_proof?: T): void => undefined;

const Zod = z.object({ a: z.number().default(1), b: z.string().transform((text) => text.length) });
const _Valibot = v.object({ list: v.array(v.picklist(['x', 'y'])) });
class Plain {
  a = 1;
}

isTrue<Equal<ConfigOf<typeof Zod>, { a: number; b: number }>>();
isTrue<Equal<ConfigOf<typeof _Valibot>, { list: ('x' | 'y')[] }>>();
isTrue<Equal<ConfigOf<typeof Plain>, Plain>>();

declare const config: Config;
isTrue<Equal<ReturnType<typeof config.get>, unknown>>();
const zod = config.value('a', Zod);
isTrue<Equal<typeof zod, ConfigValue<{ a: number; b: number }>>>();
config.value<string[]>('a') satisfies ConfigValue<string[]>;
// @ts-expect-error the type that was asked for
config.value<string[]>('a') satisfies ConfigValue<number>;
isTrue<Equal<ReturnType<typeof config.load<typeof Plain>>, Promise<ConfigValue<Plain>>>>();
zod.onChange((now, before) => now.a + before.b);
// @ts-expect-error no such key
zod.onChange((now) => now.c);
// @ts-expect-error a value is read only
zod.value = { a: 1, b: 2 };
// @ts-expect-error not a schema
config.value('a', { type: 'object' });
