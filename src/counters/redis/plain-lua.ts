/**
 * Most charges of a batch do no more than add hits to the last end of tallies that are there (counter-lua.ts). For those no
 * tables are made: the numbers are read from the value and written over it, at half the cost. Whatever needs more is left
 * to the tables, and what that comes to is the same: the stores' contract holds both.
 */
export const PLAIN_LUA = `
-- Of a head: id, form, base, last end, total, hits of the last end. The last two stand behind all others.
local TALLY, TALLY_HITS, HITS_AT = '>I6xxxxxI1xxI7I7I7I6', '>I7I6', 28
local lasts, totals, counts = {}, {}, {}

-- The subject's value; false where there is none. nil in stored: it was written since.
local function valueOf(key)
  if stored[key] == nil then stored[key] = redis.call('GET', KEYS[key]) end
  return stored[key]
end

-- Whether the value's tallies are those of the pattern, in the order in which load puts them in front of each other, and
-- take all hits of the run without more than that. Notes what they are then.
local function isRoomFor(times, pattern, value)
  local count = #pattern
  for i = 1, count do
    local term, added = pattern[i].term, times * pattern[i].hits
    local id, form, base, last, total, lastCount = unpackAt(TALLY, value, 2 + (count - i) * HEAD_BYTES)
    if id ~= term.id or form >= BUCKET or base <= now or last < term.endNow or last > term.furthest
      or (form < EXACT and term.unit or 1) ~= term.resolution or total + added > term.requests then return false end
    lasts[i], totals[i], counts[i] = last, total + added, lastCount + added
  end
  return true
end

-- Decides a run whose charges are plain; false where it has to be decided by tables.
local function addHits(times, pattern, key)
  local value, count = stored[key], #pattern
  if not value or chains[key] or byte(value) ~= count or #value <= count * HEAD_BYTES then return false end
  if not isRoomFor(times, pattern, value) then return false end
  local written = pack(TALLY_HITS, totals[count], counts[count])
  for i = count - 1, 1, -1 do
    local to = 1 + (count - i) * HEAD_BYTES + HITS_AT
    written = written .. sub(value, to - HITS_AT + 1, to) .. pack(TALLY_HITS, totals[i], counts[i])
  end
  for i = 1, count do
    reply[replied + i] = pack('>I3i6I7', times, pattern[i].term.requests - totals[i], lasts[i] - now)
  end
  replied, stored[key] = replied + count, nil
  redis.call('SETRANGE', KEYS[key], '29', written)
  return true
end
`;
