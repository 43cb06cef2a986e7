-- The arithmetic of counters, as in src/domain/counting/ (counter.ts, hit-log.ts, token-bucket.ts,
-- credit-balance.ts). A property test keeps both equal (test/counters/redis/same-as-memory.test.ts). Comes after value.lua, which describes the fields
-- of a counter.
--
-- A hit log keeps its last end and the hits that end then as numbers, and those before as bytes of its list. So most
-- charges change only numbers.

-- Returns the ends and the hits of a hit log, as two lists.
local function unpackHits(counter)
  local ends, hits, count, form, at = {}, {}, 0, counter.form, counter.base
  for position = counter.listFrom, counter.listTo, ENTRY_BYTES[form] do
    if form < FIRST_EXACT_FORM then
      local hit = unpackAt(ENTRY_FORMATS[form], counter.list, position)
      if hit > 0 then
        count = count + 1
        ends[count], hits[count] = at, hit
      end
      at = at + counter.resolutionMicros
    else
      local distance, hit = unpackAt(ENTRY_FORMATS[form], counter.list, position)
      count = count + 1
      ends[count], hits[count] = at + distance, COUNT_BYTES[form] == 0 and 1 or hit
    end
  end
  if counter.lastEnd > 0 then ends[count + 1], hits[count + 1] = counter.lastEnd, counter.lastHits end
  return ends, hits
end

-- Replaces all hits of a hit log. Merges neighbours with equal ends; changes both lists.
local function packHits(counter, resolution, spec, ends, hits)
  local maxCount, kept, total = 1, 0, 0
  for i = 1, #ends do
    if kept > 0 and ends[kept] == ends[i] then
      hits[kept] = hits[kept] + hits[i]
    else
      kept = kept + 1
      ends[kept], hits[kept] = ends[i], hits[i]
    end
    maxCount, total = max(maxCount, hits[kept]), total + hits[i]
  end
  -- Counts of sub-buckets mostly grow. Room for that now saves packing them again later.
  if resolution > 1 then maxCount = max(maxCount, min(spec.requests, 65535)) end
  -- The first form of the time form. Distances of 4 bytes hold a lifetime of up to 57 minutes, with a quarter to spare
  -- for hits that end later because of clocks that differ.
  local form = resolution > 1 and 1
    or spec.kind == WINDOW and spec.lifetimeMicros + spec.lifetimeMicros / 4 < 4294967296 and 5 or 10
  while maxCount >= COUNT_LIMITS[COUNT_BYTES[form]] do form = form + 1 end
  local base, entries, format = ends[1] or 0, {}, ENTRY_FORMATS[form]
  for i = 1, kept - 1 do
    if form < FIRST_EXACT_FORM then
      local gap = i > 1 and (ends[i] - ends[i - 1]) / resolution - 1 or 0
      entries[i] = string.rep(pack(format, 0), gap) .. pack(format, hits[i])
    elseif COUNT_BYTES[form] == 0 then entries[i] = pack(format, ends[i] - base)
    else entries[i] = pack(format, ends[i] - base, hits[i]) end
  end
  counter.resolutionMicros, counter.base, counter.total, counter.form = resolution, base, total, form
  counter.list, counter.listFrom = table.concat(entries), 1
  counter.listTo, counter.lastEnd, counter.lastHits = #counter.list, ends[kept] or 0, hits[kept] or 0
  needsRewrite[counter.keyIndex] = true
end

-- Drops the hits that have ended.
local function dropEnded(counter)
  if counter.lastEnd <= now then
    counter.total, counter.listFrom, counter.listTo, counter.lastEnd, counter.lastHits = 0, 1, 0, 0, 0
    needsRewrite[counter.keyIndex] = true
    return
  end
  local list, from, to, form, base = counter.list, counter.listFrom, counter.listTo, counter.form, counter.base
  while from <= to do
    local first, second = unpackAt(ENTRY_FORMATS[form], list, from)
    local isExact = form >= FIRST_EXACT_FORM
    if (isExact and base + first or base) > now then break end
    if isExact then counter.total = counter.total - (COUNT_BYTES[form] == 0 and 1 or second)
    else counter.total, base = counter.total - first, base + counter.resolutionMicros end
    from = from + ENTRY_BYTES[form]
  end
  if from > counter.listFrom then counter.listFrom, counter.base, needsRewrite[counter.keyIndex] = from, base, true end
end

-- Brings the counter to now: ends its block, drops hits, refills the bucket. Everything below expects that.
local function advance(counter, spec)
  if counter.blockedUntil > 0 then
    local blockedUntil =
      counter.isBlockedManually and counter.blockedUntil or min(counter.blockedUntil, now + spec.blockMicros)
    if blockedUntil < counter.blockedUntil then markChanged(counter, spec) end
    if blockedUntil < counter.blockedUntil or blockedUntil <= now then needsRewrite[counter.keyIndex] = true end
    counter.blockedUntil, counter.isBlockedManually =
      blockedUntil > now and blockedUntil or 0, counter.isBlockedManually and blockedUntil > now
  end
  if spec.kind == CREDITS then return end
  if spec.kind == TOKEN_BUCKET then
    local ahead = counter.refilledAt - now
    if ahead > 0 and ahead <= spec.windowMicros / 8 then return end
    counter.debt = max(0, counter.debt - max(0, -ahead) * spec.requests)
    counter.refilledAt = now
    if ahead > 0 then markChanged(counter, spec) end
    return
  end
  local lastEnd = counter.lastEnd
  if lastEnd == 0 then return end
  -- No hit ends before base.
  if counter.base <= now then
    dropEnded(counter)
    lastEnd = counter.lastEnd
  end
  if lastEnd <= spec.maxEnd then return end
  -- The clock had run ahead and was set back: hits count as made now at the latest.
  local latest = countsUntil(spec, now)
  local ends, hits = unpackHits(counter)
  for i = 1, #ends do ends[i] = min(ends[i], latest) end
  packHits(counter, min(counter.resolutionMicros, spec.resolutionMicros), spec, ends, hits)
  markChanged(counter, spec)
end

-- Returns the hits that fit now; below 0 while blocked and after a limit was lowered.
local function available(counter, spec)
  local free =
    spec.kind == TOKEN_BUCKET and spec.burst - ceil(counter.debt / spec.windowMicros)
    or spec.kind == CREDITS and spec.requests + counter.added - counter.spent
    or spec.requests - counter.total
  return counter.blockedUntil > 0 and min(free, -1) or free
end

-- Adds hits where the list has to change its form: its resolution changes, or it has too many ends.
local function addHitsRepacking(counter, spec, hitEnd, added)
  local ends, hits = unpackHits(counter)
  local resolution = spec.resolutionMicros
  local rounding =
    resolution > counter.resolutionMicros and resolution or #ends == MAX_ENDS and spec.subBucketMicros or 1
  if rounding > 1 then
    for i = 1, #ends do ends[i] = ceil(ends[i] / rounding) * rounding end
  end
  insert(ends, max(hitEnd, ends[#ends] or 0))
  insert(hits, added)
  packHits(counter, resolution, spec, ends, hits)
end

-- Appends the last end and its hits to the list, because a later end follows. Returns false when the list's form has no
-- room for them.
local function appendLast(counter)
  local form, list, from, to, lastEnd, count =
    counter.form, counter.list, counter.listFrom, counter.listTo, counter.lastEnd, counter.lastHits
  local base, format, entry = from > to and lastEnd or counter.base, ENTRY_FORMATS[form], nil
  if count >= COUNT_LIMITS[COUNT_BYTES[form]] then return false end
  if form < FIRST_EXACT_FORM then
    entry = pack(format, count)
    local gap = (lastEnd - base) / counter.resolutionMicros - (to - from + 1) / ENTRY_BYTES[form]
    if gap > 0 then entry = string.rep(pack(format, 0), gap) .. entry end
  else
    if lastEnd - base > MAX_DISTANCES[form] then return false end
    entry = COUNT_BYTES[form] == 0 and pack(format, lastEnd - base) or pack(format, lastEnd - base, count)
  end
  list = from > to and entry or sub(list, from, to) .. entry
  counter.list, counter.listFrom, counter.listTo, counter.base, needsRewrite[counter.keyIndex] =
    list, 1, #list, base, true
  return true
end

-- Returns the µs until the whole limit is available if nothing more is charged; for credits that are spent or added, until
-- the end of all credits.
local function resetAfterMicros(counter, spec)
  local reset = counter.lastEnd - now
  if spec.kind == TOKEN_BUCKET then
    reset = counter.debt > 0 and counter.refilledAt - now + ceil(counter.debt / spec.requests) or 0
  elseif spec.kind == CREDITS then
    reset = (counter.spent > 0 or counter.added > 0) and spec.creditsEnd - now or 0
  end
  local blocked = counter.blockedUntil - now
  if blocked > reset then reset = blocked end
  return reset > 0 and reset or 0
end

-- Charges hits as made now, whether they fit or not.
local function charge(counter, spec, hits)
  markChanged(counter, spec)
  if spec.kind == TOKEN_BUCKET then
    counter.debt = min(MAX_DEBT, counter.debt + hits * spec.windowMicros)
    if computeExpirySeconds(resetAfterMicros(counter, spec), spec) > counter.expirySeconds then
      needsRewrite[counter.keyIndex] = true
    end
    return
  end
  if spec.kind == CREDITS then
    counter.spent = min(MAX_TOTAL, counter.spent + hits)
    return
  end
  local added, hitEnd, lastEnd = min(hits, MAX_TOTAL - counter.total), spec.newEnd, counter.lastEnd
  if lastEnd == 0 or spec.resolutionMicros ~= counter.resolutionMicros
    or counter.listTo - counter.listFrom + 1 == (MAX_ENDS - 1) * ENTRY_BYTES[counter.form] then
    return addHitsRepacking(counter, spec, hitEnd, added)
  end
  counter.total = counter.total + added
  -- Never before the last end: hits stay in the order of their ends, also after the clock was set back.
  if hitEnd <= lastEnd then
    counter.lastHits = counter.lastHits + added
    return
  end
  if not appendLast(counter) then return addHitsRepacking(counter, spec, hitEnd, added) end
  counter.lastEnd, counter.lastHits = hitEnd, added
end

-- Returns the µs until `hits` fit; 0 when they fit now or never will.
local function retryAfterMicros(counter, spec, hits)
  local blocked = max(0, counter.blockedUntil - now)
  if spec.kind == TOKEN_BUCKET then
    if hits > spec.burst then return 0 end
    local wait =
      counter.refilledAt - now + ceil((counter.debt - (spec.burst - hits) * spec.windowMicros) / spec.requests)
    return max(blocked, wait)
  end
  if spec.kind == CREDITS then return hits <= spec.requests + counter.added - counter.spent and blocked or 0 end
  if hits > spec.requests then return 0 end
  local excess = counter.total + hits - spec.requests
  if excess <= 0 then return blocked end
  local ends, counts = unpackHits(counter)
  for i = 1, #ends do
    excess = excess - counts[i]
    if excess <= 0 then return max(blocked, ends[i] - now) end
  end
  return blocked
end
