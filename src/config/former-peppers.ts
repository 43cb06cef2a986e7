import { z } from 'zod';

/** Each is one more digest for a key that nobody has. */
const MOST_PEPPERS = 3;

/** Peppers from before the present one, one a line, the newest first; `none` for the time before there was any. */
export const formerPeppers = z
  .string()
  .transform((text) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((pepper) => pepper !== ''),
  )
  .refine((peppers) => peppers.length <= MOST_PEPPERS, `must be at most ${MOST_PEPPERS} peppers`)
  .refine((peppers) => peppers.every((pepper) => pepper === 'none' || pepper.length >= 16), {
    message: 'must be peppers of at least 16 characters, one a line; none: keys were made without one',
  })
  .transform((peppers) => peppers.map((pepper) => (pepper === 'none' ? '' : pepper)));
