-- @fields counter before = key slot blocked base total last lastCount form unit list from to over next term head held
-- A counter has of its last end the hits apart; those before it are bytes of `list` from `from` to `to`: so mostly a
-- charge changes fields alone. Of a bucket, base is what it has seen and total its debt.

local function endsAndHits(counter)
  local ends, hits, count, form, at = {}, {}, 0, counter.form, counter.base
  for from = counter.from, counter.to, WIDTHS[form] do
    if form < EXACT then
      local hit = unpackAt(ENTRIES[form], counter.list, from)
      if hit > 0 then
        count = count + 1
        ends[count], hits[count] = at, hit
      end
      at = at + counter.unit
    else
      local offset, hit = unpackAt(ENTRIES[form], counter.list, from)
      count = count + 1
      ends[count], hits[count] = at + offset, COUNT_BYTES[form] == 0 and 1 or hit
    end
  end
  if counter.last > 0 then ends[count + 1], hits[count + 1] = counter.last, counter.lastCount end
  return ends, hits
end

-- Writes all entries anew, equal neighbours merged.
local function setEntries(counter, unit, term, ends, hits)
  local most, kept, total = 1, 0, 0
  for i = 1, #ends do
    if kept > 0 and ends[kept] == ends[i] then
      hits[kept] = hits[kept] + hits[i]
    else
      kept = kept + 1
      ends[kept], hits[kept] = ends[i], hits[i]
    end
    most, total = max(most, hits[kept]), total + hits[i]
  end
  -- In sub-buckets most counts grow: room for that saves writing them anew.
  if unit > 1 then most = max(most, min(term.requests, 65535)) end
  local form = unit > 1 and 1 or term.kind == SPAN and term.y + term.y / 4 < 4294967296 and 5 or 10
  while most >= ROOM[COUNT_BYTES[form]] do form = form + 1 end
  local base, entries, packed = ends[1] or 0, {}, ENTRIES[form]
  for i = 1, kept - 1 do
    if form < EXACT then
      local gap = i > 1 and (ends[i] - ends[i - 1]) / unit - 1 or 0
      entries[i] = string.rep(pack(packed, 0), gap) .. pack(packed, hits[i])
    elseif COUNT_BYTES[form] == 0 then entries[i] = pack(packed, ends[i] - base)
    else entries[i] = pack(packed, ends[i] - base, hits[i]) end
  end
  counter.unit, counter.base, counter.total, counter.form = unit, base, total, form
  counter.list, counter.from = table.concat(entries), 1
  counter.to, counter.last, counter.lastCount = #counter.list, ends[kept] or 0, hits[kept] or 0
  whole[counter.key] = true
end

local function forgetEnded(counter)
  if counter.last <= now then
    counter.total, counter.from, counter.to, counter.last, counter.lastCount = 0, 1, 0, 0, 0
    whole[counter.key] = true
    return
  end
  local list, from, to, form, base = counter.list, counter.from, counter.to, counter.form, counter.base
  while from <= to do
    local first, second = unpackAt(ENTRIES[form], list, from)
    local isExact = form >= EXACT
    if (isExact and base + first or base) > now then break end
    if isExact then counter.total = counter.total - (COUNT_BYTES[form] == 0 and 1 or second)
    else counter.total, base = counter.total - first, base + counter.unit end
    from = from + WIDTHS[form]
  end
  if from > counter.from then counter.from, counter.base, whole[counter.key] = from, base, true end
end

local function follow(counter, term)
  if counter.blocked > 0 then
    local blocked = counter.held and counter.blocked or min(counter.blocked, now + term.block)
    if blocked < counter.blocked then change(counter, term) end
    if blocked < counter.blocked or blocked <= now then whole[counter.key] = true end
    counter.blocked, counter.held = blocked > now and blocked or 0, counter.held and blocked > now
  end
  if term.kind == RATE then
    local ahead = counter.base - now
    if ahead > 0 and ahead <= term.x / 8 then return end
    counter.total = max(0, counter.total - max(0, -ahead) * term.requests)
    counter.base = now
    if ahead > 0 then change(counter, term) end
    return
  end
  local last = counter.last
  if last == 0 then return end
  -- None before base has ended.
  if counter.base <= now then
    forgetEnded(counter)
    last = counter.last
  end
  if last <= term.furthest then return end
  local latest = endOf(term, now)
  local ends, hits = endsAndHits(counter)
  for i = 1, #ends do ends[i] = min(ends[i], latest) end
  setEntries(counter, min(counter.unit, term.resolution), term, ends, hits)
  change(counter, term)
end

local function freeOf(counter, term)
  local free = term.kind == RATE and term.y - ceil(counter.total / term.x) or term.requests - counter.total
  return counter.blocked > 0 and min(free, -1) or free
end

local function rewrite(counter, term, last, added)
  local ends, hits = endsAndHits(counter)
  local resolution = term.resolution
  local rounded = resolution > counter.unit and resolution or #ends == MOST_ENDS and term.unit or 1
  if rounded > 1 then
    for i = 1, #ends do ends[i] = ceil(ends[i] / rounded) * rounded end
  end
  insert(ends, max(last, ends[#ends] or 0))
  insert(hits, added)
  setEntries(counter, resolution, term, ends, hits)
end

-- Puts the last end and its hits into the list, as another one follows; false where the list's form has no room.
local function pushLast(counter)
  local form, list, from, to, last, count = counter.form, counter.list, counter.from, counter.to, counter.last, counter.lastCount
  local base, packed, entry = from > to and last or counter.base, ENTRIES[form], nil
  if count >= ROOM[COUNT_BYTES[form]] then return false end
  if form < EXACT then
    entry = pack(packed, count)
    local gap = (last - base) / counter.unit - (to - from + 1) / WIDTHS[form]
    if gap > 0 then entry = string.rep(pack(packed, 0), gap) .. entry end
  else
    if last - base > MOST_OFFSET[form] then return false end
    entry = COUNT_BYTES[form] == 0 and pack(packed, last - base) or pack(packed, last - base, count)
  end
  list = from > to and entry or sub(list, from, to) .. entry
  counter.list, counter.from, counter.to, counter.base, whole[counter.key] = list, 1, #list, base, true
  return true
end

local function untilAllFree(counter, term)
  local free = counter.last - now
  if term.kind == RATE then free = counter.total > 0 and counter.base - now + ceil(counter.total / term.requests) or 0 end
  local blocked = counter.blocked - now
  if blocked > free then free = blocked end
  return free > 0 and free or 0
end

local function charge(counter, term, asked)
  change(counter, term)
  if term.kind == RATE then
    counter.total = min(MOST_DEBT, counter.total + asked * term.x)
    if lastsUntil(untilAllFree(counter, term), term) > counter.over then whole[counter.key] = true end
    return
  end
  local added, last, before = min(asked, MOST_TOTAL - counter.total), term.endNow, counter.last
  if before == 0 or term.resolution ~= counter.unit
    or counter.to - counter.from + 1 == (MOST_ENDS - 1) * WIDTHS[counter.form] then return rewrite(counter, term, last, added) end
  counter.total = counter.total + added
  if last <= before then
    counter.lastCount = counter.lastCount + added
    return
  end
  if not pushLast(counter) then return rewrite(counter, term, last, added) end
  counter.last, counter.lastCount = last, added
end

-- 0 where they fit, or never will.
local function untilFit(counter, term, asked)
  local blocked = max(0, counter.blocked - now)
  if term.kind == RATE then
    if asked > term.y then return 0 end
    local wait = counter.base - now + ceil((counter.total - (term.y - asked) * term.x) / term.requests)
    return max(blocked, wait)
  end
  if asked > term.requests then return 0 end
  local excess = counter.total + asked - term.requests
  if excess <= 0 then return blocked end
  local ends, hits = endsAndHits(counter)
  for i = 1, #ends do
    excess = excess - hits[i]
    if excess <= 0 then return max(blocked, ends[i] - now) end
  end
  return blocked
end
