/**
 * Decides a batch of decisions in order on one Redis shard. The arithmetic is core/tally.ts in Lua; a property test
 * holds the two equal.
 *
 * It is a module and not a .lua file, so that it is there in every form in which Weir runs: from src/, from dist/ (tsc
 * copies no other files), as a package and in an image.
 */
export const CHARGE_SCRIPT = `
-- KEYS    the counters of the batch, each once, all of one hash slot
-- ARGV    not-after: in µs of this shard's clock; later, nothing is executed
--         number of limits, then for each: requests, resolution µs, life µs (core/tally.ts, Term)
--         last, runs of equal decisions as one text (packed-runs.ts), since every argument costs: how many, number of
--         charges, then for each: key, limit (both counted from 1), hits; no key twice in one run
-- returns one text (packed-reply.ts): 7 bytes: this shard's time in µs; alone when it was past not-after. Else for
--         each run 3 bytes: how many were granted (the first ones), then for each charge the state after the run:
--         6 bytes, signed: free (below 0 after a limit was lowered); 7: µs until all is free; 7: µs until the hits fit
--         (0: they do, or never will)
-- why     Read, decide and write are one step here, so that no two nodes spend the same hit; a batch is one script, so
--         that a counter is read and written once however many decisions name it; and the time is the shard's, so that
--         nodes whose clocks differ agree. Numbers stay below 2^53, and none is turned to text by Lua's own rules,
--         which write 1e+15.
-- value   '1', two digits: bytes of a time and of a count (0: all counts are 1); 7 bytes: seen; 7: base; 5: total; then
--         entries, each a time, from base to its end, and a count; whole numbers, big-endian. One-byte times are in
--         units of the resolution, others in µs. With base and total a charge mostly touches the last entry alone, and
--         what has ended is cut off the front: the rest is not read.

local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
if clock > tonumber(ARGV[1]) then return struct.pack('>I7', clock) end
local now = clock

local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local byte, sub, pack, unpackAt = string.byte, string.sub, struct.pack, struct.unpack
local stored = redis.call('MGET', unpack(KEYS))
local tallies, terms, changed, ttls = {}, {}, {}, {}

local HEADER = '>I7I7I5'
local FIRST_ENTRY = 23
local heads, entryForms, countForms = {}, {}, { '>I1', '>I2', nil, '>I4' }
for _, timeBytes in ipairs({ 1, 4, 7 }) do
  heads[timeBytes], entryForms[timeBytes] = {}, {}
  for _, countBytes in ipairs({ 0, 1, 2, 4 }) do
    heads[timeBytes][countBytes] = '1' .. timeBytes .. countBytes
    entryForms[timeBytes][countBytes] = '>I' .. timeBytes .. (countBytes > 0 and 'I' .. countBytes or '')
  end
end
-- Counts below these fit; by bytes of a count.
local ROOM = { [0] = 2, [1] = 256, [2] = 65536, [4] = 4294967296 }

-- list is the text that entries stand in, from the first that counts to the text's end; last and lastCount its last one.
local function load(key, resolution, life)
  local value = stored[key]
  local tally = { seen = 0, unit = 1, base = 0, total = 0, timeBytes = 7, countBytes = 0, list = '', from = 1, last = 0 }
  tallies[key] = tally
  if not value or byte(value) ~= 49 then return tally end
  local timeBytes, countBytes = byte(value, 2, 3)
  timeBytes, countBytes = timeBytes - 48, countBytes - 48
  local unit = 1
  if timeBytes == 1 then unit = resolution > 1 and resolution or life / 16 end
  local seen, base, total = unpackAt(HEADER, value, 4)
  local form = entryForms[timeBytes][countBytes]
  local last, lastCount = unpackAt(form, value, #value - timeBytes - countBytes + 1)
  tally.seen, tally.unit, tally.base, tally.total = seen, unit, base, total
  tally.timeBytes, tally.countBytes, tally.form = timeBytes, countBytes, form
  tally.list, tally.from = value, FIRST_ENTRY
  tally.last, tally.lastCount = base + last * unit, countBytes > 0 and lastCount or 1
  return tally
end

local function forgetEnded(tally, at)
  local list, from, form, base, unit = tally.list, tally.from, tally.form, tally.base, tally.unit
  local size, noCounts, width = #list, tally.countBytes == 0, tally.timeBytes + tally.countBytes
  while from <= size do
    local last, count = unpackAt(form, list, from)
    if base + last * unit > at then break end
    tally.total = tally.total - (noCounts and 1 or count)
    from = from + width
  end
  tally.from = from
end

local function endsAndHits(tally)
  local ends, hits, count = {}, {}, 0
  for from = tally.from, #tally.list, tally.timeBytes + tally.countBytes do
    local last, hit = unpackAt(tally.form, tally.list, from)
    count = count + 1
    ends[count], hits[count] = tally.base + last * tally.unit, tally.countBytes == 0 and 1 or hit
  end
  return ends, hits
end

-- Writes all entries anew, equal neighbours merged.
local function setEntries(tally, unit, life, ends, hits)
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
  local timeBytes = unit > 1 and 1 or life + life / 16 < 4294967296 and 4 or 7
  local countBytes = most >= 65536 and 4 or (unit > 1 or most >= 256) and 2 or most > 1 and 1 or 0
  local form, base, entries = entryForms[timeBytes][countBytes], ends[1] or 0, {}
  for i = 1, kept do
    if countBytes == 0 then entries[i] = pack(form, (ends[i] - base) / unit)
    else entries[i] = pack(form, (ends[i] - base) / unit, hits[i]) end
  end
  tally.unit, tally.base, tally.total, tally.timeBytes, tally.countBytes = unit, base, total, timeBytes, countBytes
  tally.form, tally.list, tally.from = form, table.concat(entries), 1
  tally.last, tally.lastCount = ends[kept] or 0, hits[kept]
end

local function timeOf(key, tally, resolution, life)
  if tally.seen <= now then return now end
  if tally.seen - now <= floor(life / 16) then return tally.seen end
  local latest = now - now % resolution + life
  forgetEnded(tally, now)
  local ends, hits = endsAndHits(tally)
  for i = 1, #ends do ends[i] = min(ends[i], latest) end
  setEntries(tally, min(tally.unit, resolution), life, ends, hits)
  tally.seen = latest - life
  changed[key] = life
  return now
end

local function insert(tally, resolution, life, last, added)
  local ends, hits = endsAndHits(tally)
  if resolution > tally.unit then
    for i = 1, #ends do ends[i] = ceil(ends[i] / resolution) * resolution end
  end
  local place = #ends
  while place > 0 and ends[place] > last do place = place - 1 end
  table.insert(ends, place + 1, last)
  table.insert(hits, place + 1, added)
  setEntries(tally, resolution, life, ends, hits)
end

local function charge(key, tally, resolution, life, at, added)
  local last, list = at - at % resolution + life, tally.list
  local countBytes, size = tally.countBytes, #list
  local isLast = last == tally.last
  local count = isLast and tally.lastCount + added or added
  local offset = (last - tally.base) / tally.unit
  changed[key] = life
  tally.seen = last - life
  if tally.from > size or resolution ~= tally.unit or last < tally.last or count >= ROOM[countBytes]
    or offset >= 256 ^ tally.timeBytes then
    return insert(tally, resolution, life, last, added)
  end
  if isLast then tally.list = sub(list, 1, size - countBytes) .. pack(countForms[countBytes], count)
  elseif countBytes == 0 then tally.list = list .. pack(tally.form, offset)
  else tally.list = list .. pack(tally.form, offset, count) end
  tally.total, tally.last, tally.lastCount = tally.total + added, last, count
end

local function waitFor(tally, requests, asked)
  local excess = tally.total + asked - requests
  for from = tally.from, #tally.list, tally.timeBytes + tally.countBytes do
    local last, count = unpackAt(tally.form, tally.list, from)
    excess = excess - (tally.countBytes == 0 and 1 or count)
    if excess <= 0 then return tally.base + last * tally.unit - now end
  end
  return 0
end

local function save(key, life)
  local tally = tallies[key]
  if tally.from > #tally.list then return redis.call('DEL', KEYS[key]) end
  local ttl = ttls[life]
  if not ttl then
    -- A window and one sub-bucket, so that a hit outlives its counting also when the shard's clock is set a little back.
    ttl = string.format('%.0f', ceil((life + life / 16) / 1000))
    ttls[life] = ttl
  end
  local header = heads[tally.timeBytes][tally.countBytes] .. pack(HEADER, tally.seen, tally.base, tally.total)
  redis.call('SET', KEYS[key], header .. sub(tally.list, tally.from), 'PX', ttl)
end

local reply, replied, place = { pack('>I7', clock) }, 1, 3
for limit = 1, tonumber(ARGV[2]) do
  terms[limit] = { tonumber(ARGV[place]), tonumber(ARGV[place + 1]), tonumber(ARGV[place + 2]) }
  place = place + 3
end

local runs = ARGV[place]
local keys, limits, asked, ats = {}, {}, {}, {}
place = 1
while place < #runs do
  local a, b, c, d, e, f = byte(runs, place, place + 5)
  local granted, charges = (a * 128 + b) * 128 + c, (d * 128 + e) * 128 + f
  place = place + 6
  for i = 1, charges do
    local a, b, c, d, e, f, g, h, j, k, l = byte(runs, place, place + 10)
    local key, term = (a * 128 + b) * 128 + c, terms[(d * 128 + e) * 128 + f]
    local hits = (((g * 128 + h) * 128 + j) * 128 + k) * 128 + l
    place = place + 11
    local tally = tallies[key] or load(key, term[2], term[3])
    local at = timeOf(key, tally, term[2], term[3])
    forgetEnded(tally, at)
    local free = term[1] - tally.total
    if free < hits then granted = 0 elseif hits > 0 then granted = min(granted, floor(free / hits)) end
    keys[i], limits[i], asked[i], ats[i] = key, term, hits, at
  end
  replied = replied + 1
  reply[replied] = pack('>I3', granted)
  for i = 1, charges do
    local key, term, hits, at = keys[i], limits[i], asked[i], ats[i]
    local tally = tallies[key]
    if granted > 0 and hits > 0 then charge(key, tally, term[2], term[3], at, granted * hits) end
    local free = term[1] - tally.total
    local untilAllFree = tally.from <= #tally.list and tally.last - now or 0
    local untilFit = free < hits and hits <= term[1] and waitFor(tally, term[1], hits) or 0
    replied = replied + 1
    reply[replied] = pack('>i6I7I7', free, untilAllFree, untilFit)
  end
end

for key, life in pairs(changed) do save(key, life) end
return table.concat(reply)
`;
