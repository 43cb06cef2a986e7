-- Reads this shard's time, `clock` in µs, and ends the script if the call came too late: the caller no longer waits for it.
--
-- ARGV    1. Not-after in µs of this shard's clock.

local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
if clock > tonumber(ARGV[1]) then return struct.pack('>I7', clock) end
