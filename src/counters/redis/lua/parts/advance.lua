-- Advances the sequence in the same step in which counters changed, and adds it to the reply. The counterpart of
-- parts/check-history.lua. Expects the locals `reply`, a list of texts, and `hasChanged`.
--
-- returns 7 bytes after the reply of the script: the sequence. 0: nothing changed, or the call does without a sequence.
-- why     INCR costs a fifth of a SET of the next number. A user that may not run it gets an error, which is a table.

local sequence = 0
if seen ~= '0' and hasChanged then
  sequence = redis.pcall('INCR', KEYS[#KEYS])
  if type(sequence) == 'table' then
    sequence = stored[#KEYS] + 1
    redis.call('SET', KEYS[#KEYS], string.format('%.0f', sequence))
  end
end
reply[#reply + 1] = pack('>I7', sequence)
