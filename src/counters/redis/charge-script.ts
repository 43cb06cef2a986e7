import { COUNTER_LUA, positional } from './counter-lua.ts';
import { type Script, scriptOf } from './script.ts';
import { READ_LUA, SAVE_LUA } from './value-lua.ts';

/** Decides a batch of decisions in order, on one shard. */
export const CHARGE_SCRIPT: Script = scriptOf(
  positional(`
-- KEYS    the subjects of the batch, each once
-- ARGV    as value-lua.ts has them; last, runs of equal decisions as one text (packed-numbers.ts), since every
--         argument costs: how many, number of charges, then for each: key, term (both counted from 1), hits; no counter
--         twice in one run
-- returns one text (packed-reply.ts): 7 bytes: this shard's time in µs; alone when it was past not-after. Else for
--         each run 3 bytes: how many were granted (the first ones), then for each charge the state after the run:
--         6 bytes, signed: free (below 0 while blocked, and after a limit was lowered); 7: µs until all is free; 7: µs
--         until the hits fit (0: they do, or never will)
-- why     Read, decide and write are one step here, so that no two nodes spend the same hit; a batch is one script, so
--         that a value is read and written once however many decisions name it.
${READ_LUA}${COUNTER_LUA}${SAVE_LUA}
local stored = redis.call('MGET', unpack(KEYS))
local reply, replied = { pack('>I7', clock) }, 1
local runs, place = ARGV[firstArgument], 1
local found, theirs, asked = {}, {}, {}
while place < #runs do
  local a, b, c, d, e, f = byte(runs, place, place + 5)
  local times, charges = (a * 128 + b) * 128 + c, (d * 128 + e) * 128 + f
  local granted = times
  place = place + 6
  for i = 1, charges do
    local a, b, c, d, e, f, g, h, j, k, l = byte(runs, place, place + 10)
    local key, term = (a * 128 + b) * 128 + c, terms[(d * 128 + e) * 128 + f]
    local hits = (((g * 128 + h) * 128 + j) * 128 + k) * 128 + l
    place = place + 11
    local counter = counters[key * 65536 + term.slot] or load(key, stored[key], term)
    follow(counter, term)
    if not term.settles then
      local free = freeOf(counter, term)
      if free < hits then granted = 0 elseif granted > 1 and hits > 0 then granted = min(granted, floor(free / hits)) end
    end
    found[i], theirs[i], asked[i] = counter, term, hits
  end
  replied = replied + 1
  reply[replied] = pack('>I3', granted)
  for i = 1, charges do
    local counter, term, hits = found[i], theirs[i], asked[i]
    if granted > 0 and hits > 0 then charge(counter, term, granted * hits) end
    local free = freeOf(counter, term)
    if granted < times and hits > 0 and free < hits and term.block > 0 and counter.blocked == 0 and not term.settles then
      counter.blocked = now + term.block
      change(counter, term)
      whole[counter.key] = true
      free = freeOf(counter, term)
    end
    replied = replied + 1
    reply[replied] = pack('>i6I7I7', free, untilAllFree(counter, term), free < hits and untilFit(counter, term, hits) or 0)
  end
end

for key in pairs(dirty) do save(key) end
return table.concat(reply)
`),
);
