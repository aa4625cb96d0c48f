import { defineMetadata } from '../../metadata/define-metadata.js';
import { type MarkedMethod, markMethod } from '../../metadata/marked-methods.js';

/** What an OpenAPI document says of a handler. @public */
export interface HttpDocOptions {
  /** One line. */
  summary?: string;
  /** In Markdown. */
  description?: string;
  /** What the result is: a class, `[Class]` for a list, or a Standard Schema. @default the method's type, where that is no promise */
  result?: unknown;
  /** @default the name of the service */
  tags?: readonly string[];
  deprecated?: boolean;
}

/** What `@HttpDoc` saw. */
export interface HttpDocMetadata extends MarkedMethod {
  readonly doc: HttpDocOptions;
}

/** On the class: its own methods. */
export const HTTP_DOCS = defineMetadata<readonly HttpDocMetadata[]>('http docs');

/** Tells people what a public handler is for, in the OpenAPI document: TypeScript forgets what a promise holds. @public */
export function HttpDoc(doc: HttpDocOptions) {
  return (target: object, name: string, descriptor?: PropertyDescriptor): void => {
    markMethod(HTTP_DOCS, { target, method: name, descriptor }, { doc: Object.freeze({ ...doc }) });
  };
}
