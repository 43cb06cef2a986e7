-- Reads the packed numbers (packed-numbers.ts) of a text from its start to its end. Comes after specs.lua, and expects
-- the locals `text` and `position`.

local function readNumber(digits)
  local value = 0
  for i = position, position + digits - 1 do value = value * 128 + byte(text, i) end
  position = position + digits
  return value
end
