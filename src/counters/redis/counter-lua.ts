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
-- By form of a tally: 5 times that of its times, and that of its counts.
local ENTRIES = {
  [0] = '>I1', '>I1I1', '>I1I2', '>I1I4', '>I1I6', '>I4', '>I4I1', '>I4I2', '>I4I4', '>I4I6',
  '>I7', '>I7I1', '>I7I2', '>I7I4', '>I7I6',
}
local TIME_BYTES = { [0] = 1, 1, 1, 1, 1, 4, 4, 4, 4, 4, 7, 7, 7, 7, 7 }
local MOST_OFFSET = { [0] = 255, 255, 255, 255, 255, 2 ^ 32 - 1, 2 ^ 32 - 1, 2 ^ 32 - 1, 2 ^ 32 - 1, 2 ^ 32 - 1 }
local COUNT_BYTES = { [0] = 0, 1, 2, 4, 6, 0, 1, 2, 4, 6, 0, 1, 2, 4, 6 }
-- By bytes of a count: how it is packed; counts below these fit.
local COUNTS, ROOM = { '>I1', '>I2', [4] = '>I4', [6] = '>I6' }, { [0] = 2, 256, 65536, [4] = 4294967296, [6] = 2 ^ 48 }

-- Terms of the same limit have the same slot, which is the place of the first of them.
local terms, slots, firstArgument = {}, {}, 3
for i = 1, tonumber(ARGV[2]) do
  local at, id = firstArgument, ARGV[firstArgument]
  local kind, x, y = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  slots[id] = slots[id] or i
  terms[i] = {
    head = pack('>I1', #id) .. id, slot = slots[id], kind = kind, requests = tonumber(ARGV[at + 2]), x = x, y = y, z = tonumber(ARGV[at + 5]),
    block = tonumber(ARGV[at + 6]), ahead = tonumber(ARGV[at + 7]), settles = ARGV[at + 8] == '1',
    span = kind == SPAN and y or kind == PERIOD and y - x or x, resolution = kind == SPAN and x or 1,
    unit = kind ~= SPAN and 1 or x > 1 and x or y / 16,
  }
  terms[i].reach = floor(terms[i].span / 8)
  firstArgument = at + 9
end

-- A tally's entries are the bytes of its list from \`from\` to \`to\`, and its tail; last and lastCount are the last one.
-- Of a bucket, base is what it has seen and total its debt.
local function unpackCounter(value, at, from, to, term)
  local form, blocked, first = byte(value, from), 0, from + 1
  if form >= BLOCKED then
    blocked, first = unpackAt('>I7', value, first)
    form = form - BLOCKED
  end
  local base, total = unpackAt(form == BUCKET and '>I7I7' or '>I7I6', value, first)
  if form == BUCKET then
    return { blocked = blocked, base = base, total = total, at = at, upTo = to, last = 0, from = 1, to = 0, tail = '' }
  end
  local timeBytes, countBytes = TIME_BYTES[form], COUNT_BYTES[form]
  local unit, last, lastCount = timeBytes == 1 and term.unit or 1, 0, 1
  if to >= first + 13 then
    local count
    last, count = unpackAt(ENTRIES[form], value, to - timeBytes - countBytes + 1)
    last = base + last * unit
    if countBytes > 0 then lastCount = count end
  end
  return {
    blocked = blocked, base = base, total = total, at = at, upTo = to, list = value, from = first + 13, to = to, tail = '',
    form = form, unit = unit, last = last, lastCount = lastCount,
  }
end

-- By key: its counters that the batch may name, as a chain, and what else its value has; by key and slot: the counter.
local chains, rests, counters, dirty = {}, {}, {}, {}
local second = floor(now / 1000000)

local function open(key, value)
  local at, size, chain, rest = 1, #value, nil, ''
  while at < size do
    local length = byte(value, at)
    local bytes, over = unpackAt('>I2I5', value, at + length + 1)
    local slot, to = slots[sub(value, at + 1, at + length)], at + length + 7 + bytes
    if slot then
      local counter = unpackCounter(value, at, at + length + 8, to, terms[slot])
      counter.next, counter.over, chain = chain, over, counter
      counters[key * 65536 + slot] = counter
    elseif over > second then rest = rest .. sub(value, at, to) end
    at = to + 1
  end
  chains[key], rests[key] = chain, rest
end

-- The counter of a subject for a term's limit; value is the subject's, false where there is none.
local function load(key, value, term)
  if value and not rests[key] then open(key, value) end
  local place = key * 65536 + term.slot
  local counter = counters[place]
  if counter then return counter end
  counter = { blocked = 0, base = 0, total = 0, list = '', from = 1, to = 0, tail = '', form = 0, unit = 1, last = 0,
    lastCount = 0, next = chains[key] }
  chains[key], counters[place] = counter, counter
  return counter
end

-- It will be saved, as what the term says.
local function change(key, counter, term)
  counter.term, dirty[key] = term, true
end

local function flatten(counter)
  if counter.tail == '' then return end
  counter.list = sub(counter.list, counter.from, counter.to) .. counter.tail
  counter.from, counter.to, counter.tail = 1, #counter.list, ''
end

local function endsAndHits(counter)
  flatten(counter)
  local ends, hits, count, form = {}, {}, 0, counter.form
  local countBytes = COUNT_BYTES[form]
  for from = counter.from, counter.to, TIME_BYTES[form] + countBytes do
    local last, hit = unpackAt(ENTRIES[form], counter.list, from)
    count = count + 1
    ends[count], hits[count] = counter.base + last * counter.unit, countBytes == 0 and 1 or hit
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
  local form = unit > 1 and 0 or term.kind == SPAN and term.y + term.y / 4 < 4294967296 and 5 or 10
  while most >= ROOM[COUNT_BYTES[form]] do form = form + 1 end
  local base, entries, packed, noCounts = ends[1] or 0, {}, ENTRIES[form], COUNT_BYTES[form] == 0
  for i = 1, kept do
    if noCounts then entries[i] = pack(packed, (ends[i] - base) / unit)
    else entries[i] = pack(packed, (ends[i] - base) / unit, hits[i]) end
  end
  counter.unit, counter.base, counter.total, counter.form = unit, base, total, form
  counter.list, counter.from, counter.tail = table.concat(entries), 1, ''
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

local function isEmpty(counter) return counter.from > counter.to and counter.tail == '' end

local function forgetEnded(counter)
  if counter.last <= now then
    counter.total, counter.from, counter.to, counter.tail = 0, 1, 0, ''
    return
  end
  -- The last one counts, so the loop ends before it, or at the end of the list where it is the tail.
  local list, from, to, form, base, unit = counter.list, counter.from, counter.to, counter.form, counter.base, counter.unit
  local packed, countBytes = ENTRIES[form], COUNT_BYTES[form]
  local width = TIME_BYTES[form] + countBytes
  while from + width - 1 <= to do
    local last, count = unpackAt(packed, list, from)
    if base + last * unit > now then break end
    counter.total = counter.total - (countBytes == 0 and 1 or count)
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
    local ahead = counter.base - now
    if ahead > 0 and ahead <= term.x / 8 then return end
    counter.total = max(0, counter.total - max(0, -ahead) * term.requests)
    counter.base = now
    if ahead > 0 then change(key, counter, term) end
    return
  end
  forgetEnded(counter)
  if counter.last <= now or begun(term, counter.last) - now <= term.reach then return end
  local latest = endOf(term, now)
  local ends, hits = endsAndHits(counter)
  for i = 1, #ends do ends[i] = min(ends[i], latest) end
  setEntries(counter, min(counter.unit, term.resolution), term, ends, hits)
  change(key, counter, term)
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

local function charge(key, counter, term, asked)
  change(key, counter, term)
  if term.kind == RATE then
    counter.total = min(MOST_DEBT, counter.total + asked * term.x)
    return
  end
  local added, last, before = min(asked, MOST_TOTAL - counter.total), endOf(term, now + term.ahead), counter.last
  if isEmpty(counter) or term.resolution ~= counter.unit then return rewrite(counter, term, last, added) end
  flatten(counter)
  if last < before then last = before end
  local form, from, to = counter.form, counter.from, counter.to
  local count, offset = last == before and counter.lastCount + added or added, (last - counter.base) / counter.unit
  local timeBytes, countBytes = TIME_BYTES[form], COUNT_BYTES[form]
  if count >= ROOM[countBytes] or offset > (MOST_OFFSET[form] or offset) or to - from + 1 == MOST_ENDS * (timeBytes + countBytes) then
    return rewrite(counter, term, last, added)
  end
  if last == before then
    counter.to, counter.tail = to - countBytes, pack(COUNTS[countBytes], count)
  elseif countBytes == 0 then counter.tail = pack(ENTRIES[form], offset)
  else counter.tail = pack(ENTRIES[form], offset, count) end
  counter.total, counter.last, counter.lastCount = counter.total + added, last, count
end

local function untilAllFree(counter, term)
  local free = counter.last - now
  if term.kind == RATE then
    free = counter.total > 0 and counter.base - now + ceil(counter.total / term.requests) or 0
  elseif isEmpty(counter) then free = 0 end
  local blocked = counter.blocked - now
  if blocked > free then free = blocked end
  return free > 0 and free or 0
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
  flatten(counter)
  local form = counter.form
  local countBytes = COUNT_BYTES[form]
  for from = counter.from, counter.to, TIME_BYTES[form] + countBytes do
    local last, count = unpackAt(ENTRIES[form], counter.list, from)
    excess = excess - (countBytes == 0 and 1 or count)
    if excess <= 0 then return max(blocked, counter.base + last * counter.unit - now) end
  end
  return blocked
end

-- A changed counter with its head for its subject's value, and when in s it is of no use any more; nil when of none.
local function packCounter(counter)
  local term, blocked = counter.term, counter.blocked
  local free, head = untilAllFree(counter, term), term.head
  if free <= 0 then return nil end
  -- With a sixteenth more, so that a hit outlives its counting also when the shard's clock is set a little back.
  local over, form = ceil((now + free + term.span / 16) / 1000000), term.kind == RATE and BUCKET or counter.form
  local base, total, list, tail = counter.base, counter.total, counter.list, counter.tail
  if form == BUCKET then
    if blocked == 0 then return head .. pack('>I2I5I1I7I7', 15, over, form, base, total), over end
    return head .. pack('>I2I5I1I7I7I7', 22, over, form + BLOCKED, blocked, base, total), over
  end
  list = sub(list, counter.from, counter.to)
  local size = 14 + #list + #tail
  if blocked == 0 then return head .. pack('>I2I5I1I7I6', size, over, form, base, total) .. list .. tail, over end
  return head .. pack('>I2I5I1I7I7I6', size + 7, over, form + BLOCKED, blocked, base, total) .. list .. tail, over
end

-- When in s the last of the counters that the batch does not name is of no use any more.
local function overOf(rest)
  local at, latest = 1, 0
  while at < #rest do
    local length = byte(rest, at)
    local bytes, over = unpackAt('>I2I5', rest, at + length + 1)
    latest, at = max(latest, over), at + length + 8 + bytes
  end
  return latest
end

local ttls = {}

local function save(key, value)
  local counter, packed, over = chains[key], rests[key] or '', 0
  if packed ~= '' then over = overOf(packed) end
  while counter do
    local part, lasts
    if counter.term then part, lasts = packCounter(counter)
    elseif counter.at and counter.over > second then part, lasts = sub(value, counter.at, counter.upTo), counter.over end
    if part then
      packed = packed == '' and part or packed .. part
      if lasts > over then over = lasts end
    end
    counter = counter.next
  end
  if packed == '' then return redis.call('DEL', KEYS[key]) end
  local ttl = over - second
  if not ttls[ttl] then ttls[ttl] = string.format('%.0f', ttl) end
  redis.call('SET', KEYS[key], packed, 'EX', ttls[ttl])
end
`;
