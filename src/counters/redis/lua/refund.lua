-- Refunds receipts on one shard.
--
-- KEYS    The subjects, each once, and a key for each receipt that can be used again.
-- ARGV    The not-after and the counter specs, as parts/specs.lua describes. Then all receipts as one text of packed
--         numbers (packed-numbers.ts). For each receipt: its own key (counted from 1; 0: nobody can use it again), when
--         it expires in µs of this shard's clock, number of charges. Then for each charge: key, spec (both counted from
--         1), hits, and the end that the hits got.
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise for each receipt 6 bytes, signed: hits that are available again; -1: it was used before or has
--         expired.
-- why     The same step records that a receipt was used, so using it twice refunds it once.

-- @include parts/specs.lua
-- @include parts/value.lua
-- @include parts/counter.lua
-- @include parts/save.lua

-- Removes up to `hits` hits with this end. Returns how many; 0 when the log has no such end any more.
local function removeHits(counter, spec, hitEnd, hits)
  local ends, counts = unpackHits(counter)
  for i = 1, #ends do
    if ends[i] == hitEnd then
      local removed = min(hits, counts[i])
      counts[i] = counts[i] - removed
      if counts[i] == 0 then
        table.remove(ends, i)
        table.remove(counts, i)
      end
      packHits(counter, counter.resolutionMicros, spec, ends, counts)
      return removed
    end
  end
  return 0
end

-- Puts back tokens of a charge after which the bucket would have been full at `fullAt`. Returns how many. The first
-- tokens taken are the first refilled, so only those that are refilled last are still out. 1 µs less, because `fullAt`
-- may have been rounded up.
local function refundTokens(counter, spec, fullAt, hits)
  local back = min(hits * spec.windowMicros, max(0, fullAt - 1 - counter.refilledAt) * spec.requests, counter.debt)
  counter.debt = counter.debt - back
  return floor(back / spec.windowMicros)
end

local text, position, reply = ARGV[firstArgument], 1, { pack('>I7', clock) }
local function readNumber(digits)
  local value = 0
  for i = position, position + digits - 1 do value = value * 128 + byte(text, i) end
  position = position + digits
  return value
end

local stored = redis.call('MGET', unpack(KEYS))
while position < #text do
  local receiptKey, expires, charges, refunded = readNumber(3), readNumber(8), readNumber(3), 0
  local ttl = string.format('%.0f', ceil(max(1, expires - now) / 1000000))
  local isFirst = expires > now and (receiptKey == 0 or redis.call('SET', KEYS[receiptKey], '', 'NX', 'EX', ttl))
  for i = 1, charges do
    local keyIndex, spec, hits, hitEnd = readNumber(3), specs[readNumber(3)], readNumber(5), readNumber(8)
    if isFirst and hitEnd > now and stored[keyIndex] then
      local counter = loadCounter(keyIndex, stored[keyIndex], spec)
      advance(counter, spec)
      refunded = refunded + (
        spec.kind == TOKEN_BUCKET and refundTokens(counter, spec, hitEnd, hits)
        or removeHits(counter, spec, hitEnd, hits)
      )
      markChanged(counter, spec)
    end
  end
  insert(reply, pack('>i6', isFirst and refunded or -1))
end

saveAll()
return table.concat(reply)
