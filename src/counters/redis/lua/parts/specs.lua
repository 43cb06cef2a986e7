-- ARGV    not-after: in µs of this shard's clock; later, nothing is executed
--         number of terms, then for each (core/limits/term.ts): number of the limit's identity, kind (1 span, 2 period, 3 rate),
--         requests, x, y, z (span: resolution, life; period: start, end, next; rate: window, burst), block,
--         then ahead and settles (0 or 1), of charges (decide/ports.ts)
-- why     The time is the shard's, so that nodes whose clocks differ agree. Numbers stay below 2^53, and none is turned
--         to text by Lua's own rules, which write 1e+15.

local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
if clock > tonumber(ARGV[1]) then return struct.pack('>I7', clock) end
local now = clock

local floor, byte, sub, pack, unpackAt = math.floor, string.byte, string.sub, struct.pack, struct.unpack
local SPAN, PERIOD, RATE = 1, 2, 3
-- Of values (value-lua.ts): the form of a bucket, that from which on a tally's list has times, and the length of a head.
local BUCKET, EXACT, HEAD_BYTES = 64, 5, 41

local function endOf(term, at)
  if term.kind == SPAN then return at - at % term.x + term.y end
  if at < term.x then return term.x end
  return at < term.y and term.y or term.z
end

-- endNow is the end that a hit gets now, furthest the latest that one may have which was not made far ahead of the clock
-- (core/limits/tally.ts, followClock). Terms of the same limit have the same slot, which is the place of the first.
local terms, slots, firstArgument, termCount = {}, {}, 3, tonumber(ARGV[2])
for i = 1, termCount do
  local at, id = firstArgument, tonumber(ARGV[firstArgument])
  local kind, x, y = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local span = kind == SPAN and y or kind == PERIOD and y - x or x
  slots[id] = slots[id] or i
  local term = {
    id = id, slot = slots[id], kind = kind, requests = tonumber(ARGV[at + 2]), x = x, y = y, z = tonumber(ARGV[at + 5]),
    block = tonumber(ARGV[at + 6]), ahead = tonumber(ARGV[at + 7]), settles = ARGV[at + 8] == '1',
    span = span, resolution = kind == SPAN and x or 1,
    unit = kind ~= SPAN and 1 or x > 1 and x or y / 16,
  }
  if kind ~= RATE then
    local latest = now + floor(span / 8)
    term.endNow, term.furthest = endOf(term, now + term.ahead), kind == SPAN and latest + y or endOf(term, latest)
  end
  terms[i], firstArgument = term, at + 9
end
