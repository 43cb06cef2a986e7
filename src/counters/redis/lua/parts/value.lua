-- value   of a subject; whole numbers, big-endian. 1 byte: how many counters it has. For each its head of fixed length:
--         5: Unix time in s when it is of no use any more; 2: length of its list; 6: number of its limit's identity;
--         1: form: 128 if blocked (plus 32 if by hand), plus 64 for a bucket, else 5 × time form + count form; then
--         7, 7, 7, 6: of a tally base, last end, total, hits of the last end; of a bucket seen, 0, debt, 0. Then for
--         each its list: 7: blocked until, only if blocked; the hits before the last end: by time form in sub-buckets
--         from base on one after the other (0), or with each a time in µs from base on (4 or 7 bytes); 0, 1, 2, 4 or 6
--         bytes of hits by count form; with none it is 1
-- why     Heads stand together and have one length, as most charges change nothing else: these are written over the
--         old ones, which costs half of writing a value with its expiry.

local ceil, max, min, insert = math.ceil, math.max, math.min, table.insert
local MOST_TOTAL, MOST_DEBT = 70368744177664, 9007199254740991
local MOST_ENDS = 64
local BLOCKED, HELD = 128, 32
local HEAD = '>I5I2I6I1I7I7I7I6'
-- By form of a tally; from EXACT on its list has times, before it one count for each sub-bucket.
local ENTRIES = { '>I1', '>I2', '>I4', '>I6', '>I4', '>I4I1', '>I4I2', '>I4I4', '>I4I6', '>I7', '>I7I1', '>I7I2', '>I7I4', '>I7I6' }
local COUNT_BYTES = { 1, 2, 4, 6, 0, 1, 2, 4, 6, 0, 1, 2, 4, 6 }
local WIDTHS = { 1, 2, 4, 6, 4, 5, 6, 8, 10, 7, 8, 9, 11, 13, [BUCKET] = 1 }
local MOST_OFFSET = { 0, 0, 0, 0, 4294967295, 4294967295, 4294967295, 4294967295, 4294967295, 2 ^ 53, 2 ^ 53, 2 ^ 53, 2 ^ 53, 2 ^ 53 }
-- By bytes of a count: those below these fit.
local ROOM = { [0] = 2, 256, 65536, [4] = 4294967296, [6] = 2 ^ 48 }

-- By key: the first of its counters, a chain in the order of its value; whether its value will be written, and whether
-- then more than heads. By key and slot: the counter.
local chains, dirty, whole, counters = {}, {}, {}, {}
local second = floor(now / 1000000)

-- The fields of a counter in the order of counter-lua.ts: { key, slot, blocked, base, total, last, lastCount, form, unit,
-- list, from, to, over, next, term, head, held }. Those of limits that the batch does not name have their head as it is.
local function open(key, value)
  local count, before = byte(value), nil
  local at, from = 2, 2 + count * HEAD_BYTES
  for i = 1, count do
    local over, size, id, form, base, last, total, lastCount = unpackAt(HEAD, value, at)
    local slot, to, blocked, held, counter = slots[id], from + size - 1, 0, false, nil
    if slot then
      local first = from
      if form >= BLOCKED then
        form, blocked, first = form - BLOCKED, unpackAt('>I7', value, from), from + 7
        held = form % BUCKET >= HELD
        if held then form = form - HELD end
      end
      local unit = form < EXACT and terms[slot].unit or 1
      counter = { key, slot, blocked, base, total, last, lastCount, form, unit, value, first, to, over, false, false, false, held }
      counters[key * termCount + slot] = counter
    else
      local head = sub(value, at, at + HEAD_BYTES - 1)
      counter = { key, 0, 0, 0, 0, 0, 0, 0, 0, value, from, to, over, false, false, head, false }
    end
    if before then before.next = counter else chains[key] = counter end
    before, at, from = counter, at + HEAD_BYTES, to + 1
  end
end

-- The counter of a subject for a term's limit; value is the subject's, false where there is none.
local function load(key, value, term)
  if value and not chains[key] and not pcall(open, key, value) then
    -- Somebody else's value: it counts as none, and does no harm to the others of the batch.
    chains[key] = nil
    for slot = 1, termCount do counters[key * termCount + slot] = nil end
  end
  local place = key * termCount + term.slot
  local counter = counters[place]
  if counter then return counter end
  local form = term.kind == RATE and BUCKET or 1
  counter = { key, term.slot, 0, 0, 0, 0, 0, form, 1, '', 1, 0, 0, chains[key] or false, false, false, false }
  chains[key], counters[place], whole[key] = counter, counter, true
  return counter
end

-- It will be saved, as what the term says.
local function change(counter, term)
  counter.term, dirty[counter.key] = term, true
end

-- When in s a counter is of no use any more that is all free after so many µs. With a sixteenth more, so that a hit
-- outlives its counting also when the shard's clock is set a little back.
local function lastsUntil(free, term)
  return ceil((now + free + term.span / 16) / 1000000)
end
