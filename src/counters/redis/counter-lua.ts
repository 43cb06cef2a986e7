/**
 * Counters in Lua, for the scripts beside this file, which begin with it: the arithmetic of core/counter.ts,
 * core/tally.ts and core/bucket.ts, on the bytes of packed-counter.ts. A property test holds both equal.
 *
 * The scripts are modules and not .lua files, so that they are there in every form in which Weir runs: from src/, from
 * dist/ (tsc copies no other files), as a package and in an image.
 */
export const COUNTER_LUA = `
-- KEYS    among them those of the subjects' values, all of one hash slot
-- ARGV    not-after: in µs of this shard's clock; later, nothing is executed
--         number of terms, then for each (core/term.ts): the limit's identity, kind (1 span, 2 period, 3 rate),
--         requests, x, y, z (span: resolution, life; period: start, end, next; rate: window, burst), block,
--         then ahead and settles (0 or 1), of charges (decide/ports.ts)
-- value   of a subject, for each of its limits: 1 byte: length of the identity, which follows; 2: length of the counter;
--         5: Unix time in s when that is of no use any more; the counter (packed-counter.ts)
-- why     The time is the shard's, so that nodes whose clocks differ agree. Numbers stay below 2^53, and none is turned
--         to text by Lua's own rules, which write 1e+15.

local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
if clock > tonumber(ARGV[1]) then return struct.pack('>I7', clock) end
local now = clock

local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local byte, sub, pack, unpackAt, insert = string.byte, string.sub, struct.pack, struct.unpack, table.insert
local SPAN, PERIOD, RATE = 1, 2, 3
local MOST_TOTAL, MOST_DEBT = 70368744177664, 9007199254740991
local MOST_ENDS = 64
local BLOCKED, BUCKET = 128, 64
local TIME_BYTES, COUNT_BYTES = { [0] = 1, 4, 7 }, { [0] = 0, 1, 2, 4, 6 }
local COUNT_FORMS = { '>I1', '>I2', '>I4', '>I6' }
-- Counts below these fit; by count form.
local ROOM = { [0] = 2, 256, 65536, 4294967296, MOST_TOTAL * 2 }
local entryForms = {}
for timeForm = 0, 2 do
  for countForm = 0, 4 do
    local count = countForm > 0 and 'I' .. COUNT_BYTES[countForm] or ''
    entryForms[timeForm * 8 + countForm] = '>I' .. TIME_BYTES[timeForm] .. count
  end
end

local terms, firstArgument = {}, 3
for i = 1, tonumber(ARGV[2]) do
  local at, term = firstArgument, {}
  term.id, term.kind, term.requests = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  term.x, term.y, term.z = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  term.block, term.ahead, term.settles = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7]), ARGV[at + 8] == '1'
  term.span = term.kind == SPAN and term.y or term.kind == PERIOD and term.y - term.x or term.x
  term.resolution = term.kind == SPAN and term.x or 1
  term.unit = term.kind ~= SPAN and 1 or term.x > 1 and term.x or term.y / 16
  terms[i], firstArgument = term, at + 9
end

-- Entries of a tally stand in its list from byte \`from\` to byte \`to\`; last and lastCount are its last one.
local function emptyCounter()
  return { blocked = 0, total = 0, unit = 1, form = 16, list = '', from = 1, to = 0, base = 0, last = 0, seen = 0, debt = 0 }
end

local function unpackCounter(value, at, to, term)
  local counter, form = emptyCounter(), byte(value, at)
  at = at + 1
  if form >= BLOCKED then
    counter.blocked, at = unpackAt('>I7', value, at)
    form = form - BLOCKED
  end
  if form >= BUCKET then
    counter.seen, counter.debt = unpackAt('>I7I7', value, at)
    return counter
  end
  local timeForm, countForm = floor(form / 8), form % 8
  counter.form, counter.unit = form, timeForm == 0 and term.unit or 1
  counter.base, counter.total = unpackAt('>I7I6', value, at)
  counter.list, counter.from, counter.to = value, at + 13, to
  if to >= at + 13 then
    local last, count = unpackAt(entryForms[form], value, to - TIME_BYTES[timeForm] - COUNT_BYTES[countForm] + 1)
    counter.last, counter.lastCount = counter.base + last * counter.unit, countForm > 0 and count or 1
  end
  return counter
end

local subjects = {}

-- The counter of a subject for a term's limit; stored is the subject's value, false where there is none.
local function load(key, stored, term)
  local subject = subjects[key]
  if not subject then
    subject = { value = stored or '', counters = {}, changed = false }
    subjects[key] = subject
  end
  local id = term.id
  local counter = subject.counters[id]
  if counter then return counter end
  local value, at = subject.value, 1
  local size, wanted = #value, #id
  while at < size do
    local length = byte(value, at)
    local a, b = byte(value, at + length + 1, at + length + 2)
    local from, to = at + length + 8, at + length + 7 + a * 256 + b
    if length == wanted and sub(value, at + 1, at + length) == id then
      counter = unpackCounter(value, from, to, term)
      break
    end
    at = to + 1
  end
  counter = counter or emptyCounter()
  subject.counters[id] = counter
  counter.term = term
  return counter
end

local function change(key, counter, term)
  counter.changed, counter.term = true, term
  subjects[key].changed = true
end

local function endsAndHits(counter)
  local ends, hits, count, form = {}, {}, 0, counter.form
  local width = TIME_BYTES[floor(form / 8)] + COUNT_BYTES[form % 8]
  for from = counter.from, counter.to, width do
    local last, hit = unpackAt(entryForms[form], counter.list, from)
    count = count + 1
    ends[count], hits[count] = counter.base + last * counter.unit, form % 8 == 0 and 1 or hit
  end
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
  local timeForm = unit > 1 and 0 or term.kind == SPAN and term.y + term.y / 4 < 4294967296 and 1 or 2
  local countForm = 0
  while most >= ROOM[countForm] do countForm = countForm + 1 end
  local form, base, entries = timeForm * 8 + countForm, ends[1] or 0, {}
  local packed = entryForms[form]
  for i = 1, kept do
    if countForm == 0 then entries[i] = pack(packed, (ends[i] - base) / unit)
    else entries[i] = pack(packed, (ends[i] - base) / unit, hits[i]) end
  end
  counter.unit, counter.base, counter.total, counter.form = unit, base, total, form
  counter.list, counter.from = table.concat(entries), 1
  counter.to, counter.last, counter.lastCount = #counter.list, ends[kept] or 0, hits[kept]
end

local function endOf(term, at)
  if term.kind == SPAN then return at - at % term.x + term.y end
  if at < term.x then return term.x end
  return at < term.y and term.y or term.z
end

local function begun(term, last)
  if term.kind == SPAN then return last - term.y end
  if last <= term.x then return 0 end
  if last <= term.y then return term.x end
  return last <= term.z and term.y or math.huge
end

local function forgetEnded(counter)
  local list, from, to, form, base, unit = counter.list, counter.from, counter.to, counter.form, counter.base, counter.unit
  if from > to then return end
  local packed, noCounts = entryForms[form], form % 8 == 0
  local width = TIME_BYTES[floor(form / 8)] + COUNT_BYTES[form % 8]
  while from <= to do
    local last, count = unpackAt(packed, list, from)
    if base + last * unit > now then break end
    counter.total = counter.total - (noCounts and 1 or count)
    from = from + width
  end
  counter.from = from
end

local function follow(key, counter, term)
  if counter.blocked > 0 then
    local blocked = min(counter.blocked, now + term.block)
    if blocked < counter.blocked then change(key, counter, term) end
    counter.blocked = blocked > now and blocked or 0
  end
  if term.kind == RATE then
    local ahead = counter.seen - now
    if ahead > 0 and ahead <= term.x / 8 then return end
    counter.debt = max(0, counter.debt - max(0, -ahead) * term.requests)
    counter.seen = now
    if ahead > 0 then change(key, counter, term) end
    return
  end
  forgetEnded(counter)
  if counter.from > counter.to or begun(term, counter.last) - now <= floor(term.span / 8) then return end
  local latest = endOf(term, now)
  local ends, hits = endsAndHits(counter)
  for i = 1, #ends do ends[i] = min(ends[i], latest) end
  setEntries(counter, min(counter.unit, term.resolution), term, ends, hits)
  change(key, counter, term)
end

local function freeOf(counter, term)
  local free = term.kind == RATE and term.y - ceil(counter.debt / term.x) or term.requests - counter.total
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

local function charge(key, counter, term, asked)
  change(key, counter, term)
  if term.kind == RATE then
    counter.debt = min(MOST_DEBT, counter.debt + asked * term.x)
    return
  end
  local added, last = min(asked, MOST_TOTAL - counter.total), endOf(term, now + term.ahead)
  local list, from, to, form = counter.list, counter.from, counter.to, counter.form
  if from > to or term.resolution ~= counter.unit then return rewrite(counter, term, last, added) end
  if last < counter.last then last = counter.last end
  local isLast, countForm = last == counter.last, form % 8
  local count = isLast and counter.lastCount + added or added
  local offset = (last - counter.base) / counter.unit
  local timeBytes, countBytes = TIME_BYTES[floor(form / 8)], COUNT_BYTES[countForm]
  if count >= ROOM[countForm] or offset >= 256 ^ timeBytes or to - from + 1 == MOST_ENDS * (timeBytes + countBytes) then
    return rewrite(counter, term, last, added)
  end
  if isLast then list = sub(list, from, to - countBytes) .. pack(COUNT_FORMS[countForm], count)
  elseif countForm == 0 then list = sub(list, from, to) .. pack(entryForms[form], offset)
  else list = sub(list, from, to) .. pack(entryForms[form], offset, count) end
  counter.list, counter.from, counter.to = list, 1, #list
  counter.total, counter.last, counter.lastCount = counter.total + added, last, count
end

local function untilAllFree(counter, term)
  local blocked = counter.blocked - now
  if term.kind ~= RATE then return max(0, blocked, counter.from <= counter.to and counter.last - now or 0) end
  return max(0, blocked, counter.debt > 0 and counter.seen - now + ceil(counter.debt / term.requests) or 0)
end

-- 0 where they fit, or never will.
local function untilFit(counter, term, asked)
  local blocked = max(0, counter.blocked - now)
  if term.kind == RATE then
    if asked > term.y then return 0 end
    local wait = counter.seen - now + ceil((counter.debt - (term.y - asked) * term.x) / term.requests)
    return max(blocked, wait)
  end
  if asked > term.requests then return 0 end
  local excess, form = counter.total + asked - term.requests, counter.form
  if excess <= 0 then return blocked end
  local width = TIME_BYTES[floor(form / 8)] + COUNT_BYTES[form % 8]
  for from = counter.from, counter.to, width do
    local last, count = unpackAt(entryForms[form], counter.list, from)
    excess = excess - (form % 8 == 0 and 1 or count)
    if excess <= 0 then return max(blocked, counter.base + last * counter.unit - now) end
  end
  return blocked
end

-- Head and bytes of a counter for its subject's value, and when in s they are of no use any more; nil when they are not.
local function packCounter(counter)
  local term = counter.term
  local free = untilAllFree(counter, term)
  if free <= 0 then return nil, 0 end
  -- With a sixteenth more, so that a hit outlives its counting also when the shard's clock is set a little back.
  local over = ceil((now + free + term.span / 16) / 1000000)
  local blocked = counter.blocked > 0
  local body = blocked and pack('>I7', counter.blocked) or ''
  local form = term.kind == RATE and BUCKET or counter.form
  if term.kind == RATE then body = body .. pack('>I7I7', counter.seen, counter.debt)
  else body = body .. pack('>I7I6', counter.base, counter.total) .. sub(counter.list, counter.from, counter.to) end
  return pack('>I1', #term.id) .. term.id .. pack('>I2I5I1', #body + 1, over, form + (blocked and BLOCKED or 0)) .. body, over
end

local ttls = {}

local function save(key, subject)
  local value, at, parts, over = subject.value, 1, {}, 0
  local size, second = #value, floor(now / 1000000)
  while at < size do
    local length = byte(value, at)
    local bytes, lasts = unpackAt('>I2I5', value, at + length + 1)
    local to = at + length + 7 + bytes
    local counter = lasts > second and subject.counters[sub(value, at + 1, at + length)]
    if lasts > second and not (counter and counter.changed) then
      insert(parts, sub(value, at, to))
      over = max(over, lasts)
    end
    at = to + 1
  end
  for _, counter in pairs(subject.counters) do
    local packed, lasts
    if counter.changed then packed, lasts = packCounter(counter) end
    if packed then
      insert(parts, packed)
      over = max(over, lasts)
    end
  end
  if #parts == 0 then return redis.call('DEL', KEYS[key]) end
  local ttl = over - second
  if not ttls[ttl] then ttls[ttl] = string.format('%.0f', ttl) end
  redis.call('SET', KEYS[key], parts[2] and table.concat(parts) or parts[1], 'EX', ttls[ttl])
end
`;
