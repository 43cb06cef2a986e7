import type { Correction } from '../../../decide/ports.ts';
import type { ScriptArguments } from '../lua/scripts.ts';
import { ScriptArgumentsBuilder } from './script-arguments.ts';

/** Builds a call of the correct script. `now` is in µs since 1970. */
export function buildCorrection(prefix: string, { subject, limit, change }: Correction, now: number): ScriptArguments {
  const builder = new ScriptArgumentsBuilder(prefix, now);
  builder.addSubject(subject);
  builder.addSpec({ subject, limit, hits: 0 });
  return builder.build(change.kind, String(change.kind === 'block' ? change.microseconds : 0));
}
