import { z } from 'zod';

/** How decisions are answered. */
export interface Answers {
  /** Which answers carry rate-limit headers for clients. */
  readonly rateLimitHeaders: 'auto' | 'all' | 'refused' | 'off';
  /** How to answer a Check that Weir could not decide. */
  readonly checkErrors: 'deny' | 'error';
  /** The rate limit service rejects nothing and counts what it would reject. */
  readonly shadowMode: boolean;
  /** Format of the bodies of Check's denials. */
  readonly errorFormat: 'json' | 'problem';
  /** Whether Check puts the limits of plan and credential into its dynamic metadata. */
  readonly publishesLimits: boolean;
}

export const answerVariables = {
  RATE_LIMIT_HEADERS: z.enum(['auto', 'all', 'refused', 'off'], 'must be auto, all, refused or off').default('auto'),
  CHECK_ERRORS: z.enum(['deny', 'error'], 'must be deny or error').default('deny'),
  SHADOW_MODE: z.enum(['true', 'false'], 'must be true or false').default('false'),
  ERROR_FORMAT: z.enum(['json', 'problem'], 'must be json or problem').default('json'),
  METADATA_LIMITS: z.enum(['on', 'off'], 'must be on or off').default('off'),
};

export function readAnswers(env: z.infer<z.ZodObject<typeof answerVariables>>): Answers {
  return {
    rateLimitHeaders: env.RATE_LIMIT_HEADERS,
    checkErrors: env.CHECK_ERRORS,
    shadowMode: env.SHADOW_MODE === 'true',
    errorFormat: env.ERROR_FORMAT,
    publishesLimits: env.METADATA_LIMITS === 'on',
  };
}
