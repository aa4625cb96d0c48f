import { Inject } from '@nestjs/common';
import { RPC, SERVICES, SETTINGS } from './tokens.js';

/** For a constructor parameter or a property. */
export type InjectDecorator = PropertyDecorator & ParameterDecorator;

/** The `Rpc` client of the module; its calls name the module's node as caller. @public */
export function InjectRpc(): InjectDecorator {
  return Inject(RPC);
}

/** The module's settings from the config (`Module.<type>.Settings` of mqant), validated and frozen. @public */
export function InjectSettings(): InjectDecorator {
  return Inject(SETTINGS);
}

/** The `Services` of the app: instances of services, for clients of one's own. @public */
export function InjectServices(): InjectDecorator {
  return Inject(SERVICES);
}
