-- Announces that a node is alive, and counts the live nodes. A node that does not decide, or leaves, only counts them.
--
-- KEYS    The live nodes: a sorted set. The score is when a node stops counting as alive, in µs of this shard's clock.
--         Then since when this shard has counted nodes without a gap, on the same clock. It is lost with the set.
-- ARGV    Not-after in µs of this shard's clock, the node, and for how many µs more it is alive. 0: it is not announced (any more).
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise 6 bytes: number of live nodes, with this one if it is announced. 7 bytes: when this node stops counting
--         as alive, 0 if it is not announced. 7 bytes: the lowest score of all live nodes, 0 if there are none. All nodes
--         are announced for the same time, so this is the node whose announcement is the oldest. 7 bytes: for how many
--         µs this shard has counted nodes without a gap.
-- why     Expiry, announcement and count are one step on one clock.

-- @include parts/clock.lua
local announcedUntil = 0
-- Not later than now, in case the clock was set back.
local since = math.min(clock, tonumber(redis.call('GET', KEYS[2]) or clock))
if ARGV[3] == '0' then
  redis.call('ZREM', KEYS[1], ARGV[2])
else
  announcedUntil = clock + ARGV[3]
  redis.call('ZADD', KEYS[1], string.format('%.0f', announcedUntil), ARGV[2])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', clock))
if ARGV[3] ~= '0' then
  local life = string.format('%.0f', ARGV[3] / 1000)
  redis.call('PEXPIRE', KEYS[1], life)
  redis.call('SET', KEYS[2], string.format('%.0f', since), 'PX', life)
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or 0
return struct.pack('>I7I6I7I7I7', clock, redis.call('ZCARD', KEYS[1]), announcedUntil, tonumber(oldest), clock - since)
