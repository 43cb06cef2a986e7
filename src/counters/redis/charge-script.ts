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
--         to the end, runs of equal decisions: how many, number of charges, then for each: key, limit (both counted
--         from 1), hits; no key twice in one run
-- returns this shard's time in µs; alone when it was past not-after. Else for each run: how many were granted (the
--         first ones), then for each charge the state after the run: free (below 0 after a limit was lowered), µs
--         until all is free, µs until the hits fit (-1: they do, or never will)
-- why     Read, decide and write are one step here, so that no two nodes spend the same hit; a batch is one script, so
--         that a counter is read and written once however many decisions name it; and the time is the shard's, so that
--         nodes whose clocks differ agree. Numbers stay below 2^53, and none is turned to text by Lua's own rules,
--         which write 1e+15.
-- value   '1', then two digits: the bytes of a time and of a count; 7 bytes: seen; then each time, from seen to its
--         end, and count; whole numbers, big-endian. One-byte times are in units of the resolution, others in µs.

local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
if clock > tonumber(ARGV[1]) then return { clock } end
local now = clock

local floor, max, min, rep, sub = math.floor, math.max, math.min, string.rep, string.sub
local stored = redis.call('MGET', unpack(KEYS))
local tallies, terms, changed, ttls = {}, {}, {}, {}

local function load(key, resolution, life)
  local value = stored[key]
  local tally = { seen = 0, resolution = 1, total = 0, count = 0, ends = {}, hits = {} }
  tallies[key] = tally
  if not value or sub(value, 1, 1) ~= '1' then return tally end
  local timeBytes, countBytes = tonumber(sub(value, 2, 2)), tonumber(sub(value, 3, 3))
  local count = (#value - 10) / (timeBytes + countBytes)
  local fields = { struct.unpack('>I7' .. rep('I' .. timeBytes .. 'I' .. countBytes, count), value, 4) }
  local unit = 1
  if timeBytes == 1 then unit = resolution > 1 and resolution or life / 16 end
  local seen, ends, hits, total = fields[1], tally.ends, tally.hits, 0
  for i = 1, count do
    ends[i] = seen + fields[2 * i] * unit
    hits[i] = fields[2 * i + 1]
    total = total + hits[i]
  end
  tally.seen, tally.resolution, tally.total, tally.count = seen, unit, total, count
  return tally
end

-- Every end through 'moved', those up to 'ended' forgotten, equal neighbours merged.
local function rewrite(tally, ended, moved)
  local ends, hits, kept = tally.ends, tally.hits, 0
  for i = 1, tally.count do
    local last, count = ends[i], hits[i]
    if last <= ended then
      tally.total = tally.total - count
    else
      if moved then last = moved(last) end
      if kept > 0 and ends[kept] == last then
        hits[kept] = hits[kept] + count
      else
        kept = kept + 1
        ends[kept], hits[kept] = last, count
      end
    end
  end
  for i = kept + 1, tally.count do ends[i], hits[i] = nil, nil end
  tally.count = kept
end

local function endOf(resolution, life, at)
  return at - at % resolution + life
end

local function timeOf(key, tally, resolution, life)
  if tally.seen <= now then return now end
  if tally.seen - now <= floor(life / 16) then return tally.seen end
  local latest = endOf(resolution, life, now)
  rewrite(tally, now, function(last) return min(last, latest) end)
  tally.seen = latest - life
  tally.resolution = min(tally.resolution, resolution)
  changed[key] = life
  return now
end

local function usedAt(tally, at)
  local ends, used = tally.ends, tally.total
  for i = 1, tally.count do
    if ends[i] > at then break end
    used = used - tally.hits[i]
  end
  return used
end

local function charge(key, tally, resolution, life, at, added)
  local coarsen = resolution > tally.resolution
    and function(last) return math.ceil(last / resolution) * resolution end
  if coarsen or (tally.count > 0 and tally.ends[1] <= at) then rewrite(tally, at, coarsen) end
  local last = endOf(resolution, life, at)
  tally.resolution, tally.seen, tally.total = resolution, last - life, tally.total + added
  changed[key] = life
  local ends, hits, place = tally.ends, tally.hits, tally.count
  while place > 0 and ends[place] > last do place = place - 1 end
  if place > 0 and ends[place] == last then
    hits[place] = hits[place] + added
  else
    table.insert(ends, place + 1, last)
    table.insert(hits, place + 1, added)
    tally.count = tally.count + 1
  end
end

local function waitFor(tally, requests, asked)
  local excess = tally.total + asked - requests
  for i = 1, tally.count do
    excess = excess - tally.hits[i]
    if excess <= 0 then return tally.ends[i] - now end
  end
  return -1
end

local function save(key, life)
  local tally, most = tallies[key], 0
  if tally.count == 0 then return redis.call('DEL', KEYS[key]) end
  for i = 1, tally.count do most = max(most, tally.hits[i]) end
  local timeBytes, unit = 1, tally.resolution
  if unit == 1 then timeBytes = life + life / 16 < 4294967296 and 4 or 7 end
  local countBytes = most < 256 and 1 or most < 65536 and 2 or 4
  local fields = {}
  for i = 1, tally.count do
    fields[2 * i - 1] = (tally.ends[i] - tally.seen) / unit
    fields[2 * i] = tally.hits[i]
  end
  local form = '>I7' .. rep('I' .. timeBytes .. 'I' .. countBytes, tally.count)
  local value = '1' .. timeBytes .. countBytes .. struct.pack(form, tally.seen, unpack(fields))
  local ttl = ttls[life]
  if not ttl then
    -- A window and one sub-bucket, so that a hit outlives its counting also when the shard's clock is set a little back.
    ttl = string.format('%.0f', math.ceil((life + life / 16) / 1000))
    ttls[life] = ttl
  end
  redis.call('SET', KEYS[key], value, 'PX', ttl)
end

local reply, replied, place = { clock }, 1, 3
for limit = 1, tonumber(ARGV[2]) do
  terms[limit] = { tonumber(ARGV[place]), tonumber(ARGV[place + 1]), tonumber(ARGV[place + 2]) }
  place = place + 3
end

local keys, limits, asked, ats = {}, {}, {}, {}
while place < #ARGV do
  local granted, charges = tonumber(ARGV[place]), tonumber(ARGV[place + 1])
  place = place + 2
  for i = 1, charges do
    local key, term, hits = tonumber(ARGV[place]), terms[tonumber(ARGV[place + 1])], tonumber(ARGV[place + 2])
    place = place + 3
    local tally = tallies[key] or load(key, term[2], term[3])
    local at = timeOf(key, tally, term[2], term[3])
    local free = term[1] - usedAt(tally, at)
    if free < hits then granted = 0 elseif hits > 0 then granted = min(granted, floor(free / hits)) end
    keys[i], limits[i], asked[i], ats[i] = key, term, hits, at
  end
  replied = replied + 1
  reply[replied] = granted
  for i = 1, charges do
    local key, term, hits, at = keys[i], limits[i], asked[i], ats[i]
    local tally = tallies[key]
    if granted > 0 and hits > 0 then charge(key, tally, term[2], term[3], at, granted * hits) end
    local free = term[1] - usedAt(tally, at)
    local last = tally.ends[tally.count] or 0
    reply[replied + 1] = free
    reply[replied + 2] = last > at and last - now or 0
    reply[replied + 3] = free < hits and hits <= term[1] and waitFor(tally, term[1], hits) or -1
    replied = replied + 3
  end
end

for key, life in pairs(changed) do save(key, life) end
return reply
`;
