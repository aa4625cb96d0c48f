import { anthillOverNats } from './anthill-echo.js';

/** The wire that mqant nodes speak: one message for each call and each reply. */
export const peer = anthillOverNats('mqant');
