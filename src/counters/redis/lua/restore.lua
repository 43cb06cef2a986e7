-- Raises counters of quotas to what their checkpoints say.
--
-- KEYS    The subjects, each once.
-- ARGV    The not-after and the counter specs, as parts/specs.lua describes. Then all checkpoints as one text of packed
--         numbers (packed-numbers.ts). For each: key, spec (both counted from 1), whether the use is below 0 (0 or 1), the
--         use without its sign, and the end of its period.
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise 3 bytes: how many counters were raised.
-- why     Raising a counter can be repeated, and done by several nodes, with the same result. A period that has ended on this
--         shard's clock is left out: its use would be charged to the next one.

-- @include parts/specs.lua
-- @include parts/value.lua
-- @include parts/counter.lua
-- @include parts/save.lua

local text, position, raised = ARGV[firstArgument], 1, 0
-- @include parts/numbers.lua

local stored = redis.call('MGET', unpack(KEYS))
while position < #text do
  local keyIndex, spec, isNegative = readNumber(3), specs[readNumber(3)], readNumber(3) == 1
  local use, periodEnd = readNumber(8), readNumber(8)
  local isCredits = spec.kind == CREDITS
  if isCredits or spec.newEnd == periodEnd then
    local counter = loadCounter(keyIndex, stored[keyIndex], spec)
    advance(counter, spec)
    if isNegative then
      -- More credits were added than spent. A counter that has credits already is not lost.
      if isCredits and counter.spent == 0 and counter.added == 0 then
        counter.added, raised, needsRewrite[keyIndex] = min(MAX_TOTAL, use), raised + 1, true
        markChanged(counter, spec)
      end
    else
      local counted = isCredits and counter.spent - counter.added or counter.total
      if use > counted then
        charge(counter, spec, use - counted)
        raised = raised + 1
      end
    end
  end
end

saveAll()
return pack('>I7I3', clock, raised)
