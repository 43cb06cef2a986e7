-- Charges hits that nodes granted without this shard. Each late charge counts once, however often it comes.
--
-- KEYS    The subjects, each once, and a mark for each late charge. Then the sequence, as parts/check-history.lua describes.
-- ARGV    The not-after and the counter specs, as parts/specs.lua describes. Then all late charges as one text of packed
--         numbers (packed-numbers.ts). For each: mark, key, spec (all counted from 1), hits, and the end of the
--         hits (0: they are charged as made now). Then for how many seconds a mark lives at
--         most, and the sequence that the node has seen (parts/check-history.lua).
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise for each late charge the state of its counter. 6 bytes, signed: available hits, below 0 while
--         blocked and in debt. 7 bytes: µs until the whole limit is available. At the end, the sequence of the call
--         (parts/advance.lua).
-- why     The hits were granted already, so they are charged whether they fit or not. The same step sets the mark, which
--         holds the end that the hits got, so that a receipt can refund them (refund.lua). A mark below 0 says how many
--         of the hits were refunded before the late charge came. It lives as long as the hits count, so that a receipt finds
--         it, and as long as a late charge that was sent twice may be on its way.

-- @include parts/specs.lua
-- @include parts/value.lua
-- @include parts/counter.lua
-- @include parts/save.lua

-- Adds hits with an end of their own, wherever it stands among the ends of the hit log.
local function insertHits(counter, spec, hitEnd, hits)
  local ends, counts = unpackHits(counter)
  local at, resolution = #ends + 1, spec.resolutionMicros
  while at > 1 and ends[at - 1] > hitEnd do at = at - 1 end
  insert(ends, at, hitEnd)
  insert(counts, at, hits)
  local rounding = max(resolution, #ends > MAX_ENDS and spec.subBucketMicros or 1)
  if rounding > 1 then
    for i = 1, #ends do ends[i] = ceil(ends[i] / rounding) * rounding end
  end
  packHits(counter, resolution, spec, ends, counts)
  markChanged(counter, spec)
end

-- In seconds. A late charge is executed at most a minute after it was sent.
local MIN_MARK_LIFE = 120
local text, position, reply = ARGV[firstArgument], 1, { pack('>I7', clock) }
-- @include parts/numbers.lua

local stored, hasChanged = redis.call('MGET', unpack(KEYS)), true
-- @include parts/check-history.lua
while position < #text do
  local markKey, keyIndex, spec, hits, lostEnd =
    readNumber(3), readNumber(3), specs[readNumber(3)], readNumber(5), readNumber(8)
  local counter = loadCounter(keyIndex, stored[keyIndex], spec)
  -- Read only now: the same late charge may come twice in a call.
  local mark = tonumber(redis.call('GET', KEYS[markKey]) or 0) or 0
  advance(counter, spec)
  if mark <= 0 then
    hits = max(0, hits + mark)
    if spec.kind == WINDOW then lostEnd = ceil(lostEnd / spec.resolutionMicros) * spec.resolutionMicros end
    local hitEnd = lostEnd
    if lostEnd == 0 or spec.kind >= TOKEN_BUCKET then
      if hits > 0 then charge(counter, spec, hits) end
      hitEnd = spec.kind < TOKEN_BUCKET and counter.lastEnd or now + resetAfterMicros(counter, spec)
    elseif hits > 0 and lostEnd > now then insertHits(counter, spec, lostEnd, hits) end
    local life = min(tonumber(ARGV[firstArgument + 1]), max(MIN_MARK_LIFE, ceil((hitEnd - now) / 1000000)))
    redis.call('SET', KEYS[markKey], string.format('%.0f', max(1, hitEnd)), 'EX', string.format('%.0f', life))
  end
  insert(reply, pack('>i6I7', available(counter, spec), resetAfterMicros(counter, spec)))
end

saveAll()
-- @include parts/advance.lua
return table.concat(reply)
