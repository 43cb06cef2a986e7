-- Samples the keys of this server, to estimate how full it is and how many counters each rule has.
--
-- KEYS    None.
-- ARGV    Not-after in µs of this shard's clock, and how many keys to sample.
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise 7 bytes each: number of keys, used memory and maximum memory in bytes (0: no maximum), and keys
--         that were evicted since the start of the server. Then the beginnings of the sampled keys, each after its
--         length in 3 bytes; a key can come more than once.
-- why     A sample costs no request anything. Redis itself counts no keys by their names.

-- @include parts/clock.lua
-- Errors if this user of Redis may not run a command: then that is not known.
local size = redis.pcall('DBSIZE')
local memory, stats = redis.pcall('INFO', 'memory'), redis.pcall('INFO', 'stats')
if type(size) == 'table' then size = 0 end
local used, max, evicted = 0, 0, 0
if type(memory) == 'string' then
  used = tonumber(string.match(memory, '\nused_memory:(%d+)')) or 0
  max = tonumber(string.match(memory, '\nmaxmemory:(%d+)')) or 0
end
if type(stats) == 'string' then evicted = tonumber(string.match(stats, '\nevicted_keys:(%d+)')) or 0 end
local reply = { struct.pack('>I7I7I7I7I7', clock, size, used, max, evicted) }
while #reply <= tonumber(ARGV[2]) do
  local key = redis.pcall('RANDOMKEY')
  if not key or key.err then break end
  key = string.sub(key, 1, 256)
  reply[#reply + 1] = struct.pack('>I3', #key) .. key
end
return table.concat(reply)
