-- KEYS    the subject
-- ARGV    as terms-lua.ts has them, with one term; last, what to do (reset, block or unblock) and for how many µs to block
-- returns one text (packed-reply.ts): 7 bytes: this shard's time in µs; alone when it was past not-after. Else 7: µs for
--         which it is blocked
-- @include parts/specs.lua
-- @include parts/value.lua
-- @include parts/counter.lua
-- @include parts/save.lua
local action, duration = ARGV[firstArgument], tonumber(ARGV[firstArgument + 1])
local term, value = terms[1], redis.call('MGET', KEYS[1])[1]
local counter = load(1, value, term)
follow(counter, term)
if action == 'block' then counter.blocked, counter.held = now + duration, true
else counter.blocked, counter.held = 0, false end
if action == 'reset' then
  counter.base, counter.total, counter.last, counter.lastCount = 0, 0, 0, 0
  counter.form, counter.unit, counter.list, counter.from, counter.to = term.kind == RATE and BUCKET or 1, 1, '', 1, 0
end
change(counter, term)
whole[1] = true
save(1)
return pack('>I7I7', clock, max(0, counter.blocked - now))
