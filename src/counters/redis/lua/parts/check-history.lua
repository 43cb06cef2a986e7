-- Checks that this shard has the history that the node has seen. Comes after specs.lua and before anything is written,
-- and expects the local `stored` with the values of all KEYS. advance.lua is its counterpart at the end of the script.
--
-- KEYS    The last one: the sequence of the tag (batch/counter-key.ts), unless the last ARGV is 0.
-- ARGV    The last one: the highest sequence that the node has seen. 0: the call does without a sequence.
-- returns 7 bytes: this shard's time in µs, and one byte. That is all when the history is another one: it is shorter,
--         or has begun another epoch (history.lua). Nothing was executed then.

local EPOCH_SIZE = 1099511627776
local seen = ARGV[#ARGV]
-- A node that is alone always finds the text that it has seen, and texts are compared faster than numbers.
if seen ~= '0' and seen ~= stored[#KEYS] then
  local sequence, seenSequence = tonumber(stored[#KEYS] or 0) or 0, tonumber(seen)
  if sequence < seenSequence or sequence - sequence % EPOCH_SIZE > seenSequence then
    return pack('>I7I1', clock, 0)
  end
end
