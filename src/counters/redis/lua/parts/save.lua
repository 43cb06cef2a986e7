-- Writes the changed values. Comes after value.lua and counter.lua.

local function packHead(counter, size)
  local form = counter.form
  if counter.blockedUntil > 0 then
    form, size = form + BLOCKED_FLAG + (counter.isBlockedManually and MANUAL_FLAG or 0), size + 7
  end
  return pack(
    HEAD_FORMAT, counter.expirySeconds, size, specs[counter.limitIndex].id, form,
    counter.base, counter.lastEnd, counter.total, counter.lastHits
  )
end

-- Returns head and list of a counter, or nil when it is no longer needed.
local function packCounter(counter)
  local spec, list, from, to = counter.changedSpec, counter.list, counter.listFrom, counter.listTo
  if not spec and counter.expirySeconds <= nowSeconds then return nil end
  if counter.rawHead then return counter.rawHead, sub(list, from, to) end
  if spec then
    local resetMicros = resetAfterMicros(counter, spec)
    if resetMicros == 0 then return nil end
    -- Every charge moves the time at which a token bucket is full. With another sixteenth, not every charge has to move
    -- the expiry.
    counter.expirySeconds = computeExpirySeconds(
      spec.kind == TOKEN_BUCKET and resetMicros + spec.durationMicros / 16 or resetMicros, spec
    )
  end
  list = sub(list, from, to)
  return packHead(counter, #list), counter.blockedUntil > 0 and pack('>I7', counter.blockedUntil) .. list or list
end

-- CREDITS_END of credit-balance.ts: no other counter is needed until then.
local NEVER_SECONDS = 9000000000

-- By number of seconds: its text. Formatting costs more than the look-up.
local ttls = {}

local function rewriteValue(keyIndex)
  local counter, count, heads, lists, expirySeconds = firstCounters[keyIndex], 0, '', '', 0
  while counter do
    local head, list = packCounter(counter)
    if head then
      count, heads, lists, expirySeconds =
        count + 1, heads .. head, lists .. list, max(expirySeconds, counter.expirySeconds)
    end
    counter = counter.next
  end
  if count == 0 then return redis.call('DEL', KEYS[keyIndex]) end
  -- Credits stay for ever. Without an expiry, no policy that evicts keys with one (volatile-*) takes them.
  if expirySeconds >= NEVER_SECONDS then
    return redis.call('SET', KEYS[keyIndex], pack('>I1', count) .. heads .. lists)
  end
  local ttl = expirySeconds - nowSeconds
  if not ttls[ttl] then ttls[ttl] = string.format('%.0f', ttl) end
  redis.call('SET', KEYS[keyIndex], pack('>I1', count) .. heads .. lists, 'EX', ttls[ttl])
end

local function saveValue(keyIndex)
  if needsRewrite[keyIndex] then return rewriteValue(keyIndex) end
  local counter, heads = firstCounters[keyIndex], ''
  while counter do
    heads = heads .. (counter.rawHead or packHead(counter, counter.listTo - counter.listFrom + 1))
    counter = counter.next
  end
  redis.call('SETRANGE', KEYS[keyIndex], '1', heads)
end

-- Returns whether a value has changed.
local function saveAll()
  local hasSaved = false
  for keyIndex in pairs(isDirty) do
    saveValue(keyIndex)
    hasSaved = true
  end
  return hasSaved
end
