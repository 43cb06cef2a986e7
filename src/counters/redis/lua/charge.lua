-- Decides a batch of decisions in order, on one shard.
--
-- KEYS    The subjects of the batch, each once. Then the sequence, as parts/check-history.lua describes.
-- ARGV    The not-after and the counter specs, as parts/specs.lua describes. Then two texts of packed numbers
--         (packed-numbers.ts), because every argument costs time:
--         1. The patterns that decisions share. For each: number of charges, then for each charge:
--            key (0: the key of the charge before; 1: the next key of the decision), spec (counted from 1), hits.
--            No pattern names a counter twice.
--         2. The runs of equal decisions. For each: number of decisions, pattern, then the keys of its charges (all
--            counted from 1).
--         Then the sequence that the node has seen (parts/check-history.lua).
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise, for each charge of each run:
--         3 bytes: how many decisions of the run were granted; the first ones are.
--         A run that charges rejected decisions, and has some, is answered in parts: the granted decisions as a run of
--         their own, if there are any, then each rejected decision as a run of one.
--         The state of the counter after the run. 6 bytes, signed: available hits, below 0 while blocked and after a
--         limit was lowered. 7 bytes: µs until the whole limit is available.
--         Only if some decision of the run was rejected. 7 bytes: µs until the hits fit, 0 when they do or never will.
--         7 bytes: µs until the block ends, 0 when it is not blocked.
--         At the end, the sequence of the batch (parts/advance.lua).
-- why     Read, decide and write are one step, so two nodes cannot spend the same hit. A batch is one script, so each
--         value is read once and written at most twice, however many decisions name it.
--         Most charges only add hits to the last end of an existing hit log (parts/counter.lua). This file makes those
--         plain charges on the bytes of the value. All others use counters in tables (parts/decide.lua). Tables cost
--         three times as much, and their functions are created only when needed. Both paths decide the same: the
--         contract tests hold for any mix of them.

-- @include parts/specs.lua

local stored = redis.call('MGET', unpack(KEYS))
-- @include parts/check-history.lua
local reply, replied = { pack('>I7', clock) }, 1

-- Each pattern is a list of its charges. `isPlain`: all its charges are on hit logs of one subject.
local patterns, text, position = {}, ARGV[firstArgument], 1
while position < #text do
  local b1, b2, b3 = byte(text, position, position + 2)
  local count = (b1 * 128 + b2) * 128 + b3
  local pattern = { isPlain = count > 0 }
  for i = 1, count do
    local from = position + 3 + (i - 1) * 11
    local b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11 = byte(text, from, from + 10)
    local spec, hits = specs[(b4 * 128 + b5) * 128 + b6], (((b7 * 128 + b8) * 128 + b9) * 128 + b10) * 128 + b11
    pattern[i] = { hasNextKey = b3 == 1, spec = spec, hits = hits }
    if spec.kind >= TOKEN_BUCKET or pattern[i].hasNextKey ~= (i == 1) then pattern.isPlain = false end
  end
  patterns[#patterns + 1] = pattern
  position = position + 3 + count * 11
end

-- A head from its byte LOG_OFFSET on: id, form, base, last end, total, hits of the last end. The plain path writes the
-- last two. Those of the first head stand at 29 in the value: after the number of heads (1 byte) and HITS_OFFSET.
local LOG_FORMAT, LOG_OFFSET, HITS_FORMAT, HITS_OFFSET = '>I6I1I7I7I7I6', 7, '>I7I6', 28
local lastEnds, totals, lastHits = {}, {}, {}
local decideByTables, saveTables
local hasChanged = false

text, position = ARGV[firstArgument + 1], 1
while position < #text do
  local b1, b2, b3, b4, b5, b6, b7, b8, b9 = byte(text, position, position + 8)
  local times, pattern = (b1 * 128 + b2) * 128 + b3, patterns[(b4 * 128 + b5) * 128 + b6]
  local keyIndex, count = pattern.isPlain and (b7 * 128 + b8) * 128 + b9, #pattern
  local value = keyIndex and stored[keyIndex]
  -- A run is plain when the first hit logs of the value are those of the pattern and all hits of the run fit. The logs
  -- stand in reverse order, because loadCounter puts each new counter first.
  local isPlain = value and #value > count * HEAD_BYTES and byte(value) >= count
  for i = 1, isPlain and count or 0 do
    local spec, added = pattern[i].spec, times * pattern[i].hits
    local id, form, base, lastEnd, total, hits = unpackAt(LOG_FORMAT, value, 2 + (count - i) * HEAD_BYTES + LOG_OFFSET)
    isPlain = id == spec.id and form < NO_LOG_FORM and base > now
      and lastEnd >= spec.newEnd and lastEnd <= spec.maxEnd
      and spec.resolutionMicros == (form < FIRST_EXACT_FORM and spec.subBucketMicros or 1)
      and total + added <= spec.requests
    if not isPlain then break end
    lastEnds[i], totals[i], lastHits[i] = lastEnd, total + added, hits + added
  end
  if isPlain then
    local written = pack(HITS_FORMAT, totals[count], lastHits[count])
    for i = count - 1, 1, -1 do
      local at = 2 + (count - i) * HEAD_BYTES
      written = written .. sub(value, at, at + HITS_OFFSET - 1) .. pack(HITS_FORMAT, totals[i], lastHits[i])
    end
    redis.call('SETRANGE', KEYS[keyIndex], '29', written)
    for i = 1, count do
      reply[replied + i] = pack('>I3i6I7', times, pattern[i].spec.requests - totals[i], lastEnds[i] - now)
    end
    stored[keyIndex], replied, position, hasChanged = nil, replied + count, position + 9, true
  else
    if not decideByTables then
      decideByTables, saveTables = (function()
-- @include parts/value.lua
-- @include parts/counter.lua
-- @include parts/save.lua
-- @include parts/decide.lua
      end)()
    end
    position = decideByTables(times, pattern, position + 6)
  end
end

if saveTables and saveTables() then hasChanged = true end
-- @include parts/advance.lua
return table.concat(reply)
