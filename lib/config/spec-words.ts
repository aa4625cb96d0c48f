import type { BooleanSpec, FreeSpec, ListSpec, MapSpec, NumberSpec, ObjectSpec, Spec, TextSpec } from './spec.js';

/** Longest delay that timers of the machine can hold. */
export const MAX_MS = 2_147_483_647;

export const text = (doc: string, rest: Partial<TextSpec> = {}): TextSpec => ({ kind: 'text', doc, ...rest });
export const integer = (doc: string, min: number, rest: Partial<NumberSpec> = {}): NumberSpec => ({ kind: 'number', doc, integer: true, min, max: MAX_MS, ...rest });
export const flag = (doc: string, rest: Partial<BooleanSpec> = {}): BooleanSpec => ({ kind: 'boolean', doc, ...rest });
export const list = (doc: string, rest: Partial<ListSpec> = {}): ListSpec => ({ kind: 'list', doc, ...rest });
export const free = (doc: string, rest: Partial<FreeSpec> = {}): FreeSpec => ({ kind: 'free', doc, ...rest });
export const object = (doc: string, keys: Record<string, Spec>, rest: Partial<ObjectSpec> = {}): ObjectSpec => ({ kind: 'object', doc, keys, ...rest });
export const map = (doc: string, key: string, value: Spec): MapSpec => ({ kind: 'map', doc, key, value });
