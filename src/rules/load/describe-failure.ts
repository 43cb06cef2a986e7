import type { RulesFailure } from '../../domain/rules/rules-state.ts';
import { fileFault } from './domain-collector.ts';
import { InvalidRules } from './load-rules.ts';

/** A file of another kind can have thousands of faults, and a reader mends the first ones. */
const MAX_FAULTS = 100;

/** Describes a load that failed just now. An error that is no fault of the files has a position in `rulesPath`. */
export function describeFailure(error: unknown, rulesPath: string): RulesFailure {
  const faults =
    error instanceof InvalidRules
      ? error.faults
      : [fileFault(rulesPath, `must be rules that can be loaded (${error instanceof Error ? error.message : error})`)];
  return {
    time: new Date(),
    faults: faults.slice(0, MAX_FAULTS),
    omittedFaults: Math.max(0, faults.length - MAX_FAULTS),
  };
}
