-- KEYS    the nodes that are there: a sorted set, by when each stops being there, in µs of this shard's clock
-- ARGV    not-after in µs of this shard's clock; a node; for how many µs more it is there
-- returns one text (packed-reply.ts): 7 bytes: this shard's time in µs; alone when it was past not-after. Else 6 bytes:
--         how many nodes are there
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
if clock > tonumber(ARGV[1]) then return struct.pack('>I7', clock) end
redis.call('ZADD', KEYS[1], string.format('%.0f', clock + ARGV[3]), ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', clock))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[3] / 1000))
return struct.pack('>I7I6', clock, redis.call('ZCARD', KEYS[1]))
