import { COUNTER_LUA, positional } from './counter-lua.ts';
import { PLAIN_LUA } from './plain-lua.ts';
import { type Script, scriptOf } from './script.ts';
import { READ_LUA, SAVE_LUA } from './value-lua.ts';

/** Decides a batch of decisions in order, on one shard. */
export const CHARGE_SCRIPT: Script = scriptOf(
  positional(`
-- KEYS    the subjects of the batch, each once
-- ARGV    as value-lua.ts has them; last two texts (packed-numbers.ts), since every argument costs:
--         patterns that decisions have in common: number of charges, then for each: key (0: that of the charge before;
--         1: the next one of the decision), term (counted from 1), hits; no counter twice in one pattern
--         runs of equal decisions: how many, pattern, then their keys (all counted from 1)
-- returns one text (packed-reply.ts): 7 bytes: this shard's time in µs; alone when it was past not-after. Else for
--         each charge of each run: 3 bytes: how many of the run were granted (the first ones); the state after the run:
--         6 bytes, signed: free (below 0 while blocked, and after a limit was lowered); 7: µs until all is free; and if
--         not all were granted 7: µs until the hits fit (0: they do, or never will)
-- why     Read, decide and write are one step here, so that no two nodes spend the same hit; a batch is one script, so
--         that a value is read and written once however many decisions name it.
${READ_LUA}${COUNTER_LUA}${SAVE_LUA}
local stored = redis.call('MGET', unpack(KEYS))
local reply, replied = { pack('>I7', clock) }, 1
local found = {}

-- Of each pattern, a list of its charges: whether the next key is its, term, hits; and whether they are all of one subject
-- and may do no more than add hits.
local patterns, text, place = {}, ARGV[firstArgument], 1
while place < #text do
  local a, b, c = byte(text, place, place + 2)
  local count = (a * 128 + b) * 128 + c
  local pattern = { isPlain = count > 0 }
  for i = 1, count do
    local from = place + 3 + (i - 1) * 11
    local a, b, c, d, e, f, g, h, j, k, l = byte(text, from, from + 10)
    local term, hits = terms[(d * 128 + e) * 128 + f], (((g * 128 + h) * 128 + j) * 128 + k) * 128 + l
    pattern[i] = { isNext = c == 1, term = term, hits = hits }
    if term.kind == RATE or term.settles or hits == 0 or pattern[i].isNext ~= (i == 1) then pattern.isPlain = false end
  end
  insert(patterns, pattern)
  place = place + 3 + count * 11
end

${PLAIN_LUA}
-- Decides a run by its counters as tables; where it is in text once its keys are read.
local function decideRun(times, pattern, place)
  local granted, key = times, nil
  for i = 1, #pattern do
    local each = pattern[i]
    local term, hits = each.term, each.hits
    if each.isNext then
      local a, b, c = byte(text, place, place + 2)
      key = (a * 128 + b) * 128 + c
      place = place + 3
    end
    local counter = counters[key * termCount + term.slot] or load(key, valueOf(key), term)
    follow(counter, term)
    if not term.settles then
      local free = freeOf(counter, term)
      if free < hits then granted = 0
      elseif granted > 1 and hits > 0 then granted = min(granted, floor(free / hits)) end
    end
    found[i] = counter
  end
  for i = 1, #pattern do
    local counter, each = found[i], pattern[i]
    local term, hits = each.term, each.hits
    if granted > 0 and hits > 0 then charge(counter, term, granted * hits) end
    local free = freeOf(counter, term)
    replied = replied + 1
    if granted == times then reply[replied] = pack('>I3i6I7', granted, free, untilAllFree(counter, term))
    else
      if hits > 0 and free < hits and term.block > 0 and counter.blocked == 0 and not term.settles then
        counter.blocked, whole[counter.key] = now + term.block, true
        change(counter, term)
        free = freeOf(counter, term)
      end
      local wait = free < hits and untilFit(counter, term, hits) or 0
      reply[replied] = pack('>I3i6I7I7', granted, free, untilAllFree(counter, term), wait)
    end
  end
  return place
end

text, place = ARGV[firstArgument + 1], 1
while place < #text do
  local a, b, c, d, e, f, g, h, j = byte(text, place, place + 8)
  local times, pattern = (a * 128 + b) * 128 + c, patterns[(d * 128 + e) * 128 + f]
  if pattern.isPlain and addHits(times, pattern, (g * 128 + h) * 128 + j) then place = place + 9
  else place = decideRun(times, pattern, place + 6) end
end

for key in pairs(dirty) do save(key) end
return table.concat(reply)
`),
);
