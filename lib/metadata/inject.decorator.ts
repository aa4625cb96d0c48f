import { Inject } from '@nestjs/common';
import { RPC, SETTINGS } from './tokens.js';

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
