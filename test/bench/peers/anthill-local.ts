import { memory } from '../../../lib/transport/memory/index.js';
import { anthillWire } from '../../../lib/wire/anthill/anthill.wire.js';
import { anthillLocal } from './anthill-echo.js';

/** A call to a handler of the same process. */
export const peer = anthillLocal(memory, anthillWire);
