-- Reads the values of subjects into counters. Comes after specs.lua. Version 1 of the format:
--
-- value   All counters of one subject. Integers are unsigned and big-endian, times are in µs since 1970.
--         1 byte: number of counters. Then all heads, then all lists, both in the order of the counters.
-- head    41 bytes, one per counter:
--         5: Unix time in s from which the counter is no longer needed
--         2: length of its list
--         6: hash of its limit's identity (batch/script-arguments.ts, hashLimitIdentity)
--         1: form: 64 for a token bucket and for credits, otherwise 5 × time form + count form; plus 128 if blocked, plus another 32 if
--            blocked manually
--         7, 7, 7, 6: of a hit log: base, last end, total hits, hits of the last end;
--                     of a token bucket: time of the last refill, 0, debt, 0; of credits: 0, 0, spent, added
-- list    7 bytes: blocked until; only if blocked. Then, of a hit log, the hits before the last end, oldest first.
--         Time form 0: one count for each sub-bucket from base on. Time forms 1 and 2: for each end its distance from
--         base (4 or 7 bytes), then its count.
--         Count forms 0 to 4: a count has 0, 1, 2, 4 or 6 bytes. Without bytes, it is 1; time form 0 does not use that.
-- why     Heads stand together and have one length, because most charges change nothing else. save.lua then overwrites
--         only the heads, at half the cost of writing the value with its expiry.

local ceil, max, min, insert = math.ceil, math.max, math.min, table.insert
-- 2^46 and 2^53 - 1: sums stay exact.
local MAX_TOTAL, MAX_DEBT = 70368744177664, 9007199254740991
-- Of a hit log, the last end included.
local MAX_ENDS = 64
local BLOCKED_FLAG, MANUAL_FLAG = 128, 32
local HEAD_FORMAT = '>I5I2I6I1I7I7I7I6'
-- By form of a hit log: format of an entry of its list, bytes of its count, bytes of the entry, and greatest distance.
local ENTRY_FORMATS = {
  '>I1', '>I2', '>I4', '>I6',
  '>I4', '>I4I1', '>I4I2', '>I4I4', '>I4I6',
  '>I7', '>I7I1', '>I7I2', '>I7I4', '>I7I6',
}
local COUNT_BYTES = { 1, 2, 4, 6, 0, 1, 2, 4, 6, 0, 1, 2, 4, 6 }
local ENTRY_BYTES = { 1, 2, 4, 6, 4, 5, 6, 8, 10, 7, 8, 9, 11, 13, [NO_LOG_FORM] = 1 }
local MAX_DISTANCES = {
  0, 0, 0, 0,
  4294967295, 4294967295, 4294967295, 4294967295, 4294967295,
  2 ^ 53, 2 ^ 53, 2 ^ 53, 2 ^ 53, 2 ^ 53,
}
-- By bytes of a count: the least count that does not fit.
local COUNT_LIMITS = { [0] = 2, 256, 65536, [4] = 4294967296, [6] = 2 ^ 48 }

-- By key index: the first counter of the value, linked by `next` in the order of the value; whether to save the value;
-- whether that rewrites all of it and not only the heads.
local firstCounters, isDirty, needsRewrite = {}, {}, {}
-- By key index × specCount + limitIndex: the counter.
local counters = {}
local nowSeconds = floor(now / 1000000)

-- The fields of a counter. Lua 5.1 creates a table with a dozen named fields in 250 ns, and one with a dozen positions
-- in 110 ns. A script creates one for each counter, so the fields have names only in this source.
--   keyIndex           index of its subject in KEYS
--   limitIndex         limitIndex of its specs; 0: the batch does not name its limit
--   blockedUntil       0: not blocked
--   base, total        of a hit log: no hit ends before base; sum of all hits
--   refilledAt, debt   of a token bucket (src/domain/counting/token-bucket.ts); the same fields
--   spent, added       of credits (src/domain/counting/credit-balance.ts); the fields of total and lastHits
--   lastEnd, lastHits  of a hit log: its last end, and the hits that end then; 0: it has no hits
--   form               form of the list
--   resolutionMicros   all ends are multiples of it
--   list               a string; its bytes from listFrom to listTo are the list
--   expirySeconds      Unix time from which the counter is no longer needed
--   next               the next counter of the value, or false
--   changedSpec        a spec of its limit once the script has changed the counter; before that, false
--   rawHead            its head if the batch does not name its limit; otherwise false
--   isBlockedManually  true or false
-- @fields counter previous = keyIndex limitIndex blockedUntil base|refilledAt total|debt|spent lastEnd lastHits|added
-- @fields counter previous = form resolutionMicros list listFrom listTo expirySeconds
-- @fields counter previous = next changedSpec rawHead isBlockedManually

-- Reads all counters of a value. Throws where the value has another format.
local function unpackValue(keyIndex, value)
  local count, previous = byte(value), nil
  local headAt, listAt = 2, 2 + count * HEAD_BYTES
  for i = 1, count do
    local expirySeconds, size, id, form, base, lastEnd, total, lastHits = unpackAt(HEAD_FORMAT, value, headAt)
    local limitIndex, listTo, blockedUntil, isManual, counter = limitIndexes[id], listAt + size - 1, 0, false, nil
    if limitIndex then
      local listFrom = listAt
      if form >= BLOCKED_FLAG then
        form, blockedUntil, listFrom = form - BLOCKED_FLAG, unpackAt('>I7', value, listAt), listAt + 7
        isManual = form % NO_LOG_FORM >= MANUAL_FLAG
        if isManual then form = form - MANUAL_FLAG end
      end
      local resolution = form < FIRST_EXACT_FORM and specs[limitIndex].subBucketMicros or 1
      counter = {
        keyIndex, limitIndex, blockedUntil, base, total, lastEnd, lastHits,
        form, resolution, value, listFrom, listTo, expirySeconds,
        false, false, false, isManual,
      }
      counters[keyIndex * specCount + limitIndex] = counter
    else
      local head = sub(value, headAt, headAt + HEAD_BYTES - 1)
      counter = {
        keyIndex, 0, 0, 0, 0, 0, 0,
        0, 0, value, listAt, listTo, expirySeconds,
        false, false, head, false,
      }
    end
    if previous then previous.next = counter else firstCounters[keyIndex] = counter end
    previous, headAt, listAt = counter, headAt + HEAD_BYTES, listTo + 1
  end
end

-- Returns the counter of a subject for the limit of a spec. `value` is the subject's value, or false.
local function loadCounter(keyIndex, value, spec)
  if value and not firstCounters[keyIndex] and not pcall(unpackValue, keyIndex, value) then
    -- The value is not Weir's. It counts as missing, so that the rest of the batch is still decided.
    firstCounters[keyIndex] = nil
    for limitIndex = 1, specCount do counters[keyIndex * specCount + limitIndex] = nil end
  end
  local index = keyIndex * specCount + spec.limitIndex
  local counter = counters[index]
  if counter then return counter end
  local form = spec.kind >= TOKEN_BUCKET and NO_LOG_FORM or 1
  counter = {
    keyIndex, spec.limitIndex, 0, 0, 0, 0, 0,
    form, 1, '', 1, 0, 0,
    firstCounters[keyIndex] or false, false, false, false,
  }
  firstCounters[keyIndex], counters[index], needsRewrite[keyIndex] = counter, counter, true
  return counter
end

-- Marks a counter to be saved as its limit's spec says.
local function markChanged(counter, spec)
  counter.changedSpec, isDirty[counter.keyIndex] = spec, true
end

-- Returns the Unix time in s from which a counter is no longer needed, if its whole limit is available after
-- `resetMicros`. A sixteenth more keeps each hit while it counts, even if the shard's clock is set back a little.
local function computeExpirySeconds(resetMicros, spec)
  return ceil((now + resetMicros + spec.durationMicros / 16) / 1000000)
end
