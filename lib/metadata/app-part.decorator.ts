import { defineMetadata } from './define-metadata.js';

/** On classes that keep the `AppPart` contract of common/lifecycle. */
export const APP_PART = defineMetadata<true>('app part');

/**
 * Marks a provider that starts and stops with the app (an `AppPart`): a gateway, a broker, a health server. The app finds it in the
 * container and calls it in its phase.
 * @plugin
 */
export function AppPartProvider(): ClassDecorator {
  return APP_PART.decorate(true);
}
