import type { Correction } from '../../../decide/ports.ts';
import { type ScriptArguments, ScriptArgumentsBuilder } from '../batch/script-arguments.ts';
import { COUNTER_LUA, positional } from './counter-lua.ts';
import { type Script, scriptOf } from './script.ts';
import { TERMS_LUA } from './terms-lua.ts';
import { SAVE_LUA, VALUE_LUA } from './value-lua.ts';

/** Changes one counter by hand. One key a script: in a cluster it goes through while the key's slot moves. */
export const CORRECT_SCRIPT: Script = scriptOf(
  positional(`
-- KEYS    the subject
-- ARGV    as terms-lua.ts has them, with one term; last, what to do (reset, block or unblock) and for how many µs to block
-- returns one text (packed-reply.ts): 7 bytes: this shard's time in µs; alone when it was past not-after. Else 7: µs for
--         which it is blocked
${TERMS_LUA}${VALUE_LUA}${COUNTER_LUA}${SAVE_LUA}
local action, duration = ARGV[firstArgument], tonumber(ARGV[firstArgument + 1])
local term, value = terms[1], redis.call('MGET', KEYS[1])[1]
local counter = load(1, value, term)
follow(counter, term)
if action == 'block' then counter.blocked, counter.held = now + duration, true
else counter.blocked, counter.held = 0, false end
if action == 'reset' then
  counter.base, counter.total, counter.last, counter.lastCount = 0, 0, 0, 0
  counter.form, counter.unit, counter.list, counter.from, counter.to = term.kind == RATE and BUCKET or 1, 1, '', 1, 0
end
change(counter, term)
whole[1] = true
save(1)
return pack('>I7I7', clock, max(0, counter.blocked - now))
`),
);

/** What the script is given. `now` is in µs since 1970. */
export function correctionArguments(prefix: string, correction: Correction, now: number): ScriptArguments {
  const { subject, limit, change } = correction;
  const builder = new ScriptArgumentsBuilder(prefix, now);
  builder.subjectPlace(subject);
  builder.termPlace({ subject, limit, hits: 0 });
  return builder.build(change.kind, String(change.kind === 'block' ? change.microseconds : 0));
}
