-- KEYS    the subjects of the batch, each once
-- ARGV    as terms-lua.ts has them; last two texts (packed-numbers.ts), since every argument costs:
--         patterns that decisions have in common: number of charges, then for each: key (0: that of the charge before;
--         1: the next one of the decision), term (counted from 1), hits; no counter twice in one pattern
--         runs of equal decisions: how many, pattern, then their keys (all counted from 1)
-- returns one text (packed-reply.ts): 7 bytes: this shard's time in µs; alone when it was past not-after. Else for
--         each charge of each run: 3 bytes: how many of the run were granted (the first ones); the state after the run:
--         6 bytes, signed: free (below 0 while blocked, and after a limit was lowered); 7: µs until all is free; and if
--         not all were granted 7: µs until the hits fit (0: they do, or never will); 7: µs until its block ends (0: none)
-- why     Read, decide and write are one step here, so that no two nodes spend the same hit; a batch is one script, so
--         that a value is read once, and written twice at most, however many decisions name it. Most charges only add
--         hits to the last end of a tally that is there (counter-lua.ts). They are charged here, from the bytes of the
--         value; what needs more is left to tables, which cost three times as much, and whose functions a script that
--         needs none does not make. Both come to the same: the stores' contract holds for whatever mixes them.
-- @include parts/specs.lua
local stored = redis.call('MGET', unpack(KEYS))
local reply, replied = { pack('>I7', clock) }, 1

-- Of each pattern, a list of its charges: whether the next key is its, term, hits; and whether all are tallies of one subject.
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
    if term.kind == RATE or pattern[i].isNext ~= (i == 1) then pattern.isPlain = false end
  end
  patterns[#patterns + 1] = pattern
  place = place + 3 + count * 11
end

-- Of a head, from its eighth byte on: id, form, base, last end, total, hits of the last end. The last two of the first head
-- are written to 29: behind the number of heads and HITS_AT.
local TALLY, TALLY_AT, TALLY_HITS, HITS_AT = '>I6I1I7I7I7I6', 7, '>I7I6', 28
local lasts, totals, counts = {}, {}, {}
local decideByTables, saveTables

text, place = ARGV[firstArgument + 1], 1
while place < #text do
  local a, b, c, d, e, f, g, h, j = byte(text, place, place + 8)
  local times, pattern = (a * 128 + b) * 128 + c, patterns[(d * 128 + e) * 128 + f]
  local key, count = pattern.isPlain and (g * 128 + h) * 128 + j, #pattern
  local value = key and stored[key]
  -- Its first tallies are the pattern's, in the order in which tables are put before each other, and all hits of the run fit.
  local isPlain = value and #value > count * HEAD_BYTES and byte(value) >= count
  for i = 1, isPlain and count or 0 do
    local term, added = pattern[i].term, times * pattern[i].hits
    local id, form, base, last, total, lastCount = unpackAt(TALLY, value, 2 + (count - i) * HEAD_BYTES + TALLY_AT)
    isPlain = id == term.id and form < BUCKET and base > now and last >= term.endNow and last <= term.furthest
      and term.resolution == (form < EXACT and term.unit or 1) and total + added <= term.requests
    if not isPlain then break end
    lasts[i], totals[i], counts[i] = last, total + added, lastCount + added
  end
  if isPlain then
    local written = pack(TALLY_HITS, totals[count], counts[count])
    for i = count - 1, 1, -1 do
      local at = 2 + (count - i) * HEAD_BYTES
      written = written .. sub(value, at, at + HITS_AT - 1) .. pack(TALLY_HITS, totals[i], counts[i])
    end
    redis.call('SETRANGE', KEYS[key], '29', written)
    for i = 1, count do
      reply[replied + i] = pack('>I3i6I7', times, pattern[i].term.requests - totals[i], lasts[i] - now)
    end
    stored[key], replied, place = nil, replied + count, place + 9
  else
    if not decideByTables then
      decideByTables, saveTables = (function()
-- @include parts/value.lua
-- @include parts/counter.lua
-- @include parts/save.lua
-- @include parts/decide.lua
      end)()
    end
    place = decideByTables(times, pattern, place + 6)
  end
end

if saveTables then saveTables() end
return table.concat(reply)
