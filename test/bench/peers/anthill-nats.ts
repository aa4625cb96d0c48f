import { anthillWire } from '../../../lib/wire/anthill/anthill.wire.js';
import { anthillOverNats } from './anthill-echo.js';

/** The native wire. */
export const peer = anthillOverNats(anthillWire);
