import { withFoundYaml } from '../yaml/found-yaml.ts';
import type { LocatedMapping } from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { childLocation } from '../yaml/yaml-location.ts';
import { getField } from '../yaml/yaml-values.ts';

/** Reads one of a few words. Returns undefined if the field is absent, or has another value, which is a fault. */
export function readChoice<Choice extends string>(
  { mapping, location }: LocatedMapping,
  field: string,
  choices: readonly Choice[],
  faults: FaultSink,
): Choice | undefined {
  const value = getField(mapping, field);
  const choice = choices.find((each) => each === value);
  if (value !== undefined && choice === undefined) {
    const expected = `must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
    faults.report(childLocation(location, field), withFoundYaml(expected, value));
  }
  return choice;
}
