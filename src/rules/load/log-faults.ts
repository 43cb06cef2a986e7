import { InvalidRules } from './load-rules.ts';
import { shortenPassedOver } from './rules-folder.ts';

/** A file of another kind can have thousands of faults, too many for one log line. */
export const MAX_LOGGED_FAULTS = 20;

/** Returns the fields of the log line for a failed reload. */
export function faultFields(error: unknown): object {
  if (!(error instanceof InvalidRules)) return { err: error };
  const faults = error.message.split('\n');
  return { faults: faults.slice(0, MAX_LOGGED_FAULTS), faults_in_all: faults.length };
}

/** Returns the fields of a log line that list what was passed over; none if nothing was. */
export function passedOverFields(passedOver: readonly string[]): object {
  if (passedOver.length === 0) return {};
  return { passed_over: shortenPassedOver(passedOver), passed_over_in_all: passedOver.length };
}
