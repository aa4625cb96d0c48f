/** The types of values live in `common`, where decorators can name them too. */
export * from '../common/value-types.js';
