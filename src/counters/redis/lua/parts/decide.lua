local found = {}

-- The subject's value, which is in tables from now on; false where there is none. nil: hits were added to it since.
local function takeValue(key)
  local value = stored[key]
  if value == nil then value = redis.call('GET', KEYS[key]) end
  stored[key] = false
  return value
end

-- Decides a run whose keys stand in text from place on; where it goes on there.
local function decide(times, pattern, place)
  local granted, key = times, nil
  for i = 1, #pattern do
    local each = pattern[i]
    local term, hits = each.term, each.hits
    if each.isNext then
      local a, b, c = byte(text, place, place + 2)
      key = (a * 128 + b) * 128 + c
      place = place + 3
    end
    local counter = counters[key * termCount + term.slot] or load(key, takeValue(key), term)
    follow(counter, term)
    if not term.settles then
      local free = freeOf(counter, term)
      if free < hits then granted = 0
      elseif granted > 1 and hits > 0 then granted = min(granted, floor(free / hits)) end
    end
    found[i] = counter
  end
  for i = 1, #pattern do
    local counter, each = found[i], pattern[i]
    local term, hits = each.term, each.hits
    if granted > 0 and hits > 0 then charge(counter, term, granted * hits) end
    local free = freeOf(counter, term)
    replied = replied + 1
    if granted == times then reply[replied] = pack('>I3i6I7', granted, free, untilAllFree(counter, term))
    else
      if hits > 0 and free < hits and term.block > 0 and counter.blocked == 0 and not term.settles then
        counter.blocked, whole[counter.key] = now + term.block, true
        change(counter, term)
        free = freeOf(counter, term)
      end
      local wait = free < hits and untilFit(counter, term, hits) or 0
      local blocked = max(0, counter.blocked - now)
      reply[replied] = pack('>I3i6I7I7I7', granted, free, untilAllFree(counter, term), wait, blocked)
    end
  end
  return place
end

return decide, saveAll
