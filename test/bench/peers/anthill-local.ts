import { anthillLocal } from './anthill-echo.js';

/** A call to a handler of the same process. */
export const peer = anthillLocal;
