-- Refunds receipts on one shard.
--
-- KEYS    The subjects, each once, a key for each receipt that can be used again, and the marks of late charges. Then the
--         sequence, as parts/check-history.lua describes.
-- ARGV    The not-after and the counter specs, as parts/specs.lua describes. Then all receipts as one text of packed
--         numbers (packed-numbers.ts). For each receipt: its own key (counted from 1; 0: nobody can use it again), when
--         it expires in µs of this shard's clock, number of charges. Then for each charge: key, spec (both counted from
--         1), hits, the end that the hits got, and the mark of their late charge (counted from 1; 0: they were not
--         charged late). Then for how many seconds a mark lives (late.lua), and the sequence that the node has seen
--         (parts/check-history.lua).
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise for each receipt 6 bytes, signed: hits that are available again; -1: it was used before or has
--         expired. At the end, the sequence of the call (parts/advance.lua).
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

-- Gives back credits, never more than are spent. Returns how many.
local function refundCredits(counter, hits)
  local back = min(hits, counter.spent)
  counter.spent = counter.spent - back
  -- A balance like that of a new counter is not kept. Only a rewrite of the value drops it.
  if counter.spent == 0 and counter.added == 0 then needsRewrite[counter.keyIndex] = true end
  return back
end

local text, position, reply = ARGV[firstArgument], 1, { pack('>I7', clock) }
-- @include parts/numbers.lua

-- Returns the end of hits that were charged late. 0: they are not charged yet, and the late charge will leave them out.
local function findLateEnd(markKey, hits)
  local mark = tonumber(redis.call('GET', KEYS[markKey]) or 0) or 0
  if mark > 0 then return mark end
  redis.call('SET', KEYS[markKey], string.format('%.0f', mark - hits), 'EX', ARGV[firstArgument + 1])
  return 0
end

local stored, hasChanged = redis.call('MGET', unpack(KEYS)), true
-- @include parts/check-history.lua
while position < #text do
  local receiptKey, expires, charges, refunded = readNumber(3), readNumber(8), readNumber(3), 0
  local ttl = string.format('%.0f', ceil(max(1, expires - now) / 1000000))
  local isFirst = expires > now and (receiptKey == 0 or redis.call('SET', KEYS[receiptKey], '', 'NX', 'EX', ttl))
  for i = 1, charges do
    local keyIndex, spec, hits, hitEnd = readNumber(3), specs[readNumber(3)], readNumber(5), readNumber(8)
    local markKey = readNumber(3)
    -- A late charge leaves out hits that have ended. Their receipts must not free those that it charged.
    if isFirst and markKey > 0 and hitEnd > now then
      hitEnd = findLateEnd(markKey, hits)
      if hitEnd == 0 then refunded = refunded + hits end
    end
    if isFirst and hitEnd > now and stored[keyIndex] then
      local counter = loadCounter(keyIndex, stored[keyIndex], spec)
      advance(counter, spec)
      refunded = refunded + (
        spec.kind == TOKEN_BUCKET and refundTokens(counter, spec, hitEnd, hits)
        or spec.kind == CREDITS and refundCredits(counter, hits)
        or removeHits(counter, spec, hitEnd, hits)
      )
      markChanged(counter, spec)
    end
  end
  insert(reply, pack('>i6', isFirst and refunded or -1))
end

saveAll()
-- @include parts/advance.lua
return table.concat(reply)
