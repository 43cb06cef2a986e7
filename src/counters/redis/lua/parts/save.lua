local function packHead(counter, size)
  local form = counter.form
  if counter.blocked > 0 then form, size = form + BLOCKED + (counter.held and HELD or 0), size + 7 end
  return pack(HEAD, counter.over, size, terms[counter.slot].id, form, counter.base, counter.last, counter.total, counter.lastCount)
end

-- Head and list of a counter that is of use yet, else nothing.
local function packCounter(counter)
  local term, list, from, to = counter.term, counter.list, counter.from, counter.to
  if not term and counter.over <= second then return nil end
  if counter.head then return counter.head, sub(list, from, to) end
  if term then
    local free = untilAllFree(counter, term)
    if free == 0 then return nil end
    -- A bucket is free later with each charge: with another sixteenth, not each of them moves the expiry.
    counter.over = lastsUntil(term.kind == RATE and free + term.span / 16 or free, term)
  end
  list = sub(list, from, to)
  return packHead(counter, #list), counter.blocked > 0 and pack('>I7', counter.blocked) .. list or list
end

local ttls = {}

local function saveWhole(key)
  local counter, count, heads, lists, over = chains[key], 0, '', '', 0
  while counter do
    local head, list = packCounter(counter)
    if head then
      count, heads, lists, over = count + 1, heads .. head, lists .. list, max(over, counter.over)
    end
    counter = counter.next
  end
  if count == 0 then return redis.call('DEL', KEYS[key]) end
  local ttl = over - second
  if not ttls[ttl] then ttls[ttl] = string.format('%.0f', ttl) end
  redis.call('SET', KEYS[key], pack('>I1', count) .. heads .. lists, 'EX', ttls[ttl])
end

local function save(key)
  if whole[key] then return saveWhole(key) end
  local counter, heads = chains[key], ''
  while counter do
    heads = heads .. (counter.head or packHead(counter, counter.to - counter.from + 1))
    counter = counter.next
  end
  redis.call('SETRANGE', KEYS[key], '1', heads)
end

local function saveAll()
  for key in pairs(dirty) do save(key) end
end
