-- KEYS    the subjects, each once, and a key for each receipt that may come again
-- ARGV    as terms-lua.ts has them; last, the receipts as one text (packed-numbers.ts): its own key (0: it comes
--         once), when it expires in µs of this shard's clock, number of charges, then for each: key, term (all counted
--         from 1), hits, the end that they got
-- returns one text (packed-reply.ts): 7 bytes: this shard's time in µs; alone when it was past not-after. Else for each
--         receipt 6 bytes, signed: hits that are free again; -1: it was used before, or has expired
-- why     That it was given back is noted in the same step, so that whoever asks twice frees once.
-- @include parts/specs.lua
-- @include parts/value.lua
-- @include parts/counter.lua
-- @include parts/save.lua
local function removeHits(counter, term, last, asked)
  local ends, hits = endsAndHits(counter)
  for i = 1, #ends do
    if ends[i] == last then
      local removed = min(asked, hits[i])
      hits[i] = hits[i] - removed
      if hits[i] == 0 then
        table.remove(ends, i)
        table.remove(hits, i)
      end
      setEntries(counter, counter.unit, term, ends, hits)
      return removed
    end
  end
  return 0
end

local function putBack(counter, term, last, asked)
  local back = min(asked * term.x, max(0, last - 1 - counter.base) * term.requests, counter.total)
  counter.total = counter.total - back
  return floor(back / term.x)
end

local text, place, reply = ARGV[firstArgument], 1, { pack('>I7', clock) }
local function number(digits)
  local value = 0
  for i = place, place + digits - 1 do value = value * 128 + byte(text, i) end
  place = place + digits
  return value
end

local stored = redis.call('MGET', unpack(KEYS))
while place < #text do
  local mark, expires, charges, freed = number(3), number(8), number(3), 0
  local ttl = string.format('%.0f', ceil(max(1, expires - now) / 1000000))
  local isFirst = expires > now and (mark == 0 or redis.call('SET', KEYS[mark], '', 'NX', 'EX', ttl))
  for i = 1, charges do
    local key, term, hits, last = number(3), terms[number(3)], number(5), number(8)
    if isFirst and last > now and stored[key] then
      local counter = load(key, stored[key], term)
      follow(counter, term)
      freed = freed + (term.kind == RATE and putBack(counter, term, last, hits) or removeHits(counter, term, last, hits))
      change(counter, term)
    end
  end
  insert(reply, pack('>i6', isFirst and freed or -1))
end

saveAll()
return table.concat(reply)
