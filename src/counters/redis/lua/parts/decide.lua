-- Decides runs on counters in tables (counter.lua), whatever the charges do. charge.lua includes this in a function of
-- its own, so that a call whose runs are all plain creates none of it.

local runCounters = {}

-- Returns a subject's value, or false when it has none. From then on its counters are in tables. nil in `stored`
-- means that a plain run has added hits, so the value has to be read again.
local function claimValue(keyIndex)
  local value = stored[keyIndex]
  if value == nil then value = redis.call('GET', KEYS[keyIndex]) end
  stored[keyIndex] = false
  return value
end

-- Decides a run of `times` equal decisions whose keys stand in `text` from `position` on. Returns the position after
-- them.
local function decideRun(times, pattern, position)
  local granted, keyIndex = times, nil
  for i = 1, #pattern do
    local asked = pattern[i]
    local spec, hits = asked.spec, asked.hits
    if asked.hasNextKey then
      local b1, b2, b3 = byte(text, position, position + 2)
      keyIndex = (b1 * 128 + b2) * 128 + b3
      position = position + 3
    end
    local counter =
      counters[keyIndex * specCount + spec.limitIndex] or loadCounter(keyIndex, claimValue(keyIndex), spec)
    advance(counter, spec)
    if spec.use ~= SETTLEMENT then
      local free = available(counter, spec)
      if free < hits then granted = 0
      elseif granted > 1 and hits > 0 then granted = min(granted, floor(free / hits)) end
    end
    runCounters[i] = counter
  end
  if granted < times and times > 1 then
    local start, chargesRejected = position, false
    for i = 1, #pattern do
      local asked = pattern[i]
      if asked.hasNextKey then start = start - 3 end
      if asked.hits > 0 and asked.spec.use == CHARGED_IF_REJECTED then chargesRejected = true end
    end
    if chargesRejected then
      -- The granted decisions as one part, then each rejected one, because each of these leaves another state.
      if granted > 0 then decideRun(granted, pattern, start) end
      while granted < times do
        decideRun(1, pattern, start)
        granted = granted + 1
      end
      return position
    end
  end
  for i = 1, #pattern do
    local counter, asked = runCounters[i], pattern[i]
    local spec, hits = asked.spec, asked.hits
    if granted > 0 and hits > 0 then charge(counter, spec, granted * hits) end
    local free = available(counter, spec)
    replied = replied + 1
    if granted == times then reply[replied] = pack('>I3i6I7', granted, free, resetAfterMicros(counter, spec))
    else
      local isExceeded = free < hits
      if hits > 0 and spec.use == CHARGED_IF_REJECTED then
        -- The debt is at most a uint32. That of a token bucket is at most what one window refills.
        local room = spec.kind == TOKEN_BUCKET
          and spec.requests + spec.burst - ceil(counter.debt / spec.windowMicros)
          or 4294967295 + spec.requests - counter.total + (spec.kind == CREDITS and counter.added or 0)
        local charged = min(hits, room)
        if charged > 0 then charge(counter, spec, charged) end
        free = available(counter, spec)
      end
      if hits > 0 and isExceeded and spec.blockMicros > 0 and counter.blockedUntil == 0 and spec.use ~= SETTLEMENT then
        counter.blockedUntil, needsRewrite[counter.keyIndex] = now + spec.blockMicros, true
        markChanged(counter, spec)
        free = available(counter, spec)
      end
      local wait = isExceeded and retryAfterMicros(counter, spec, hits) or 0
      local blocked = max(0, counter.blockedUntil - now)
      reply[replied] = pack('>I3i6I7I7I7', granted, free, resetAfterMicros(counter, spec), wait, blocked)
    end
  end
  return position
end

return decideRun, saveAll
