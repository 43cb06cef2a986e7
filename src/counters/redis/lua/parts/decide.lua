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
    if not spec.isSettlement then
      local free = available(counter, spec)
      if free < hits then granted = 0
      elseif granted > 1 and hits > 0 then granted = min(granted, floor(free / hits)) end
    end
    runCounters[i] = counter
  end
  for i = 1, #pattern do
    local counter, asked = runCounters[i], pattern[i]
    local spec, hits = asked.spec, asked.hits
    if granted > 0 and hits > 0 then charge(counter, spec, granted * hits) end
    local free = available(counter, spec)
    replied = replied + 1
    if granted == times then reply[replied] = pack('>I3i6I7', granted, free, resetAfterMicros(counter, spec))
    else
      if hits > 0 and free < hits and spec.blockMicros > 0 and counter.blockedUntil == 0 and not spec.isSettlement then
        counter.blockedUntil, needsRewrite[counter.keyIndex] = now + spec.blockMicros, true
        markChanged(counter, spec)
        free = available(counter, spec)
      end
      local wait = free < hits and retryAfterMicros(counter, spec, hits) or 0
      local blocked = max(0, counter.blockedUntil - now)
      reply[replied] = pack('>I3i6I7I7I7', granted, free, resetAfterMicros(counter, spec), wait, blocked)
    end
  end
  return position
end

return decideRun, saveAll
