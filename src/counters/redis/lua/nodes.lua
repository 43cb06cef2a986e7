-- Announces that a node is alive, and counts the live nodes.
--
-- KEYS    The live nodes: a sorted set. The score is when a node stops counting as alive, in µs of this shard's clock.
-- ARGV    Not-after in µs of this shard's clock, the node, and for how many µs more it is alive.
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise 6 bytes: number of live nodes, this one included.
-- why     Expiry, announcement and count are one step on one clock.

local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
if clock > tonumber(ARGV[1]) then return struct.pack('>I7', clock) end
redis.call('ZADD', KEYS[1], string.format('%.0f', clock + ARGV[3]), ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', clock))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[3] / 1000))
return struct.pack('>I7I6', clock, redis.call('ZCARD', KEYS[1]))
