import type { Case } from './case.js';
import { churnCase } from './churn.case.js';
import { configCase } from './config.case.js';
import { databaseCase } from './database.case.js';
import { gateCases } from './gate.case.js';
import { gateIdleCase } from './gate-idle.case.js';
import { grpcCases } from './grpc.case.js';
import { httpCase } from './http.case.js';
import { localCases } from './local.case.js';
import { pickCase } from './pick.case.js';
import { remoteCases } from './remote.case.js';
import { soakCase } from './soak.js';
import { startUpCase } from './startup.case.js';

/** How long and how often. */
export interface Effort {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly soakCalls: number;
  readonly churnSeconds: number;
}

export const FULL: Effort = { rounds: 5, warmUpMs: 1000, measureMs: 3000, soakCalls: 1_000_000, churnSeconds: 20 };
/** For a look while developing: the ratios are rough. */
export const QUICK: Effort = { rounds: 2, warmUpMs: 500, measureMs: 1000, soakCalls: 100_000, churnSeconds: 5 };

/** All cases, in the order of the report. */
export function allCases(effort: Effort): Case[] {
  return [...remoteCases(effort), ...localCases(effort), ...grpcCases(effort), httpCase(effort), ...gateCases(effort), gateIdleCase(effort.rounds), startUpCase(effort.rounds * 4), pickCase(), configCase(), databaseCase(effort.rounds * 30), churnCase(effort.churnSeconds), soakCase(effort.soakCalls)];
}
