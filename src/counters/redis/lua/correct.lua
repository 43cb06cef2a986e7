-- Changes one counter manually.
--
-- KEYS    The subject. Then, for credits that are added by a request with an id, a key that remembers the id. Then the
--         sequence, as parts/check-history.lua describes.
-- ARGV    The not-after and one counter spec, as parts/specs.lua describes. Then the action (reset, block, unblock or
--         add_credits), for how many µs to block or how many credits to add, for how many seconds to remember the id, and the
--         sequence that the node has seen (parts/check-history.lua).
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise 7 bytes: µs until the block ends, 0 when it is not blocked. At the end, the sequence of the call
--         (parts/advance.lua).
-- why     One counter per script: without the sequence it works on a cluster even while the slot of the key moves.

-- @include parts/specs.lua
-- @include parts/value.lua
-- @include parts/counter.lua
-- @include parts/save.lua

local action, amount = ARGV[firstArgument], tonumber(ARGV[firstArgument + 1])
local stored, hasChanged = redis.call('MGET', unpack(KEYS)), true
-- @include parts/check-history.lua
local spec, value, idKey = specs[1], stored[1], KEYS[seen == '0' and #KEYS or #KEYS - 1]
local counter = loadCounter(1, value, spec)
advance(counter, spec)
if action == 'block' then counter.blockedUntil, counter.isBlockedManually = now + amount, true
elseif action ~= 'add_credits' then counter.blockedUntil, counter.isBlockedManually = 0, false end
if action == 'reset' then
  -- Added credits stay.
  counter.base, counter.total, counter.lastEnd, counter.lastHits = 0, 0, 0, spec.kind == CREDITS and counter.added or 0
  counter.form, counter.resolutionMicros, counter.list, counter.listFrom, counter.listTo =
    spec.kind >= TOKEN_BUCKET and NO_LOG_FORM or 1, 1, '', 1, 0
end
if action == 'add_credits' and (idKey == KEYS[1] or redis.call('SET', idKey, '', 'NX', 'EX', ARGV[firstArgument + 2])) then
  counter.added = min(MAX_TOTAL, counter.added + amount)
end
markChanged(counter, spec)
needsRewrite[1] = true
saveValue(1)
local reply = { pack('>I7I7', clock, max(0, counter.blockedUntil - now)) }
-- @include parts/advance.lua
return table.concat(reply)
