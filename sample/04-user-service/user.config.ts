import { z } from 'zod';

/** `Settings.users` of the config. What a change says counts from the next call on; one with mistakes changes nothing. */
export const UsersConfig = z.object({
  /** Credits of a new user. */
  welcomeCredits: z.number().int().min(0).default(100),
  /** How long Redis keeps a user. */
  cacheSeconds: z.number().int().min(1).max(86_400).default(60),
}).prefault({});
