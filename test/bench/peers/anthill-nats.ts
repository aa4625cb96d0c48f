import { anthillOverNats } from './anthill-echo.js';

/** The native wire. */
export const peer = anthillOverNats('anthill/1');
