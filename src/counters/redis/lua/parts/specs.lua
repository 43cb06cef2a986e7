-- The first part of every script that counts: reads this shard's time and the counter specs of the limits.
--
-- ARGV    1. Not-after, in µs of this shard's clock. The script executes nothing later than that.
--         2. Number of specs. Then for each spec (src/domain/counting/counter-spec.ts), all times in µs:
--         hash of the limit's identity, kind (1 window, 2 calendar, 3 token bucket, 4 credits), requests,
--         three numbers by kind (window: resolution, lifetime, 0; calendar: start, end and next end of the period;
--         token bucket: window, burst, 0; credits: the end of all credits, 0, 0), length of a block,
--         and of the charges (src/decide/ports.ts) spentWithinMicros and their use: 0 charged if granted, 1 a settlement,
--         2 charged if granted and if rejected (src/decide/rejected-charges.ts).
-- why     The shard's time is the only clock, so nodes whose clocks differ agree. Every number stays below 2^53. None
--         becomes text by Lua's own rules, which write 1e+15.
--         A call runs this whole text and creates every function in it. A dozen functions cost a call with one charge
--         more than the charge itself, so this part has only one.

-- @include parts/clock.lua
local now = clock

local floor, byte, sub, pack, unpackAt = math.floor, string.byte, string.sub, struct.pack, struct.unpack
-- Kinds below TOKEN_BUCKET have a hit log.
local WINDOW, CALENDAR, TOKEN_BUCKET, CREDITS = 1, 2, 3, 4
local SETTLEMENT, CHARGED_IF_REJECTED = '1', '2'
-- Forms of values (parts/value.lua): that of counters without a hit log, and the first one whose list has exact times.
local NO_LOG_FORM, FIRST_EXACT_FORM = 64, 5
local HEAD_BYTES = 41

-- Arguments that differ by kind share fields of a spec, so that reading one does not branch on its kind.
-- @alias spec.x = periodStart windowMicros creditsEnd
-- @alias spec.y = lifetimeMicros periodEnd burst
-- @alias spec.z = nextPeriodEnd

-- Returns the end of a hit made at `hitTime`: it counts before its end and not at it.
local function countsUntil(spec, hitTime)
  if spec.kind == WINDOW then return hitTime - hitTime % spec.resolutionMicros + spec.lifetimeMicros end
  if hitTime < spec.periodStart then return spec.periodStart end
  return hitTime < spec.periodEnd and spec.periodEnd or spec.nextPeriodEnd
end

-- limitIndexes: by id, the index of the limit's first spec. Specs of one limit differ only in their charges.
-- Fields of a spec that are computed here:
--   durationMicros   lifetime of a hit, length of the period, or the window
--   subBucketMicros  ends are rounded up to a multiple of this when a hit log has too many
--   newEnd           end of a hit that is charged now; only for hit logs
--   maxEnd           latest end that a hit can have unless it was made far ahead of the clock (hit-log.ts, advanceLog);
--                    only for hit logs
local specs, limitIndexes, firstArgument, specCount = {}, {}, 3, tonumber(ARGV[2])
for i = 1, specCount do
  local at, id = firstArgument, tonumber(ARGV[firstArgument])
  local kind, x, y = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local durationMicros = kind == WINDOW and y or kind == CALENDAR and y - x or x
  limitIndexes[id] = limitIndexes[id] or i
  local spec = {
    id = id, limitIndex = limitIndexes[id], kind = kind, requests = tonumber(ARGV[at + 2]),
    x = x, y = y, z = tonumber(ARGV[at + 5]), blockMicros = tonumber(ARGV[at + 6]),
    spentWithinMicros = tonumber(ARGV[at + 7]), use = ARGV[at + 8],
    durationMicros = durationMicros, resolutionMicros = kind == WINDOW and x or 1,
    subBucketMicros = kind ~= WINDOW and 1 or x > 1 and x or y / 16,
  }
  if kind < TOKEN_BUCKET then
    local latest = now + floor(durationMicros / 8)
    spec.newEnd, spec.maxEnd =
      countsUntil(spec, now + spec.spentWithinMicros), kind == WINDOW and latest + y or countsUntil(spec, latest)
  end
  specs[i], firstArgument = spec, at + 9
end
