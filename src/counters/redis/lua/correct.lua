-- Changes one counter manually.
--
-- KEYS    The subject.
-- ARGV    The not-after and one counter spec, as parts/specs.lua describes. Then the action (reset, block or unblock)
--         and for how many µs to block.
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise 7 bytes: µs until the block ends, 0 when it is not blocked.
-- why     One key per script: on a cluster it works even while the slot of the key moves.

-- @include parts/specs.lua
-- @include parts/value.lua
-- @include parts/counter.lua
-- @include parts/save.lua

local action, durationMicros = ARGV[firstArgument], tonumber(ARGV[firstArgument + 1])
local spec, value = specs[1], redis.call('MGET', KEYS[1])[1]
local counter = loadCounter(1, value, spec)
advance(counter, spec)
if action == 'block' then counter.blockedUntil, counter.isBlockedManually = now + durationMicros, true
else counter.blockedUntil, counter.isBlockedManually = 0, false end
if action == 'reset' then
  counter.base, counter.total, counter.lastEnd, counter.lastHits = 0, 0, 0, 0
  counter.form, counter.resolutionMicros, counter.list, counter.listFrom, counter.listTo =
    spec.kind == TOKEN_BUCKET and TOKEN_BUCKET_FORM or 1, 1, '', 1, 0
end
markChanged(counter, spec)
needsRewrite[1] = true
saveValue(1)
return pack('>I7I7', clock, max(0, counter.blockedUntil - now))
