/**
 * The type of a handler parameter that the framework or a custom parameter decorator fills in, not the caller: `Client<T>` drops it.
 * `@CurrentUser() user: Injected<User>`
 * @public
 */
export type Injected<T> = T extends null | undefined ? T : T & { readonly __anthillInjected: true };
