-- Claims the restore of a tag's quotas for one node, and ends it.
--
-- KEYS    The marker of the tag: `restored`, or until when a node restores it in µs of this shard's clock, and its name.
-- ARGV    Not-after in µs of this shard's clock, the node, and for how many µs it claims. 0: it has restored the tag.
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise 3 bytes: 0 the tag is restored, 1 this node restores it, 2 another node does.
-- why     The marker is lost together with the counters, so a missing one says that they have to be restored. One node
--         reads the checkpoints. A node that dies meanwhile loses its claim.

-- @include parts/clock.lua
local marker = redis.call('GET', KEYS[1])
if marker == 'restored' then return struct.pack('>I7I3', clock, 0) end
local claimedUntil, owner = string.match(marker or '', '^(%d+) (.*)$')
local isOwn = owner == ARGV[2]
if ARGV[3] == '0' then
  -- Not if the server has lost the claim, too: then what the node restored may be lost with it.
  if not isOwn then return struct.pack('>I7I3', clock, 2) end
  redis.call('SET', KEYS[1], 'restored')
  return struct.pack('>I7I3', clock, 0)
end
if owner and not isOwn and tonumber(claimedUntil) > clock then return struct.pack('>I7I3', clock, 2) end
redis.call('SET', KEYS[1], string.format('%.0f ', clock + ARGV[3]) .. ARGV[2])
return struct.pack('>I7I3', clock, 1)
