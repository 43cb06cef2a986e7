/** How many times as many attempts an attack makes in `npm run test:attacks` as in `npm test`. */
const FACTOR = Number(process.env.ATTACK_ATTEMPTS_FACTOR ?? 1);

/** Whether this is `npm run test:attacks`. */
export const isWholeRun = FACTOR > 1;

/** Returns the number of attempts of an attack: `short` in `npm test`, more in `npm run test:attacks`. */
export function countAttempts(short: number): number {
  return short * FACTOR;
}
