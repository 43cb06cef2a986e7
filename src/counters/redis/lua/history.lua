-- Reads the history of a tag, and begins another epoch when this server has lost a part of it.
--
-- KEYS    The sequence of the tag and its record.
-- ARGV    Not-after in µs of this shard's clock. The highest sequence that the node has seen; 0: none. The name of the
--         node; empty: it does not report. The epoch whose losses the node has charged again; 0: none. 1 if the tag may
--         have moved to this server from another master, 0 if not.
-- returns One text (packed-reply.ts). 7 bytes: this shard's time in µs. It is all when that is past the not-after.
--         Otherwise 7 bytes: the sequence. 7 bytes: when this epoch began. 3 bytes: why (1 the counters were gone, 2 the
--         history was shorter). 3 bytes: number of nodes that have charged their losses again. Then 7 bytes for each
--         earlier epoch that this server still has, oldest first: the last sequence of that epoch.
-- why     A sequence is epoch × 2^40 + number of the script within the epoch. A replica has a prefix of the sequences of
--         its master, so the sequence at which a promoted replica is found says what it lacks. The call that finds
--         it begins another epoch in the same step. The id of the server's own history (master_replid) changes with each promotion
--         and restart, so that the loss shows although other nodes advance the sequence. A record has five lines: id,
--         time, reason, ends of earlier epochs, nodes.

-- @include parts/clock.lua

local EPOCH_SIZE, MAX_EPOCH, MAX_ENDS = 1099511627776, 8191, 8
local GONE, SHORTER = '1', '2'
local format, match = string.format, string.match
local stored = redis.call('MGET', KEYS[1], KEYS[2])
local sequence, seen = tonumber(stored[1] or 0) or 0, tonumber(ARGV[2])
-- An error if this user of Redis may not run INFO: then only a sequence that is too low shows a loss.
local info = redis.pcall('INFO', 'replication')
if type(info) ~= 'string' then info = '' end
local server, previousServer = match(info, 'master_replid:(%x+)') or '', match(info, 'master_replid2:(%x+)')
local recorded, startedAt, reason, ends, nodes =
  match(stored[2] or '', '^(%x*)\n(%d+)\n(%d)\n([%d,]*)\n(.*)$')

local function epochOf(number) return math.floor(number / EPOCH_SIZE) end

local loss
if sequence == 0 or not recorded then
  loss, recorded, ends = GONE, server, ''
elseif server ~= '' and recorded ~= '' and server ~= recorded and (ARGV[5] == '0' or previousServer == recorded) then
  loss = SHORTER
elseif sequence < seen and epochOf(sequence) == epochOf(seen) then
  loss = SHORTER
end
local hasChanged = loss or (server ~= '' and server ~= recorded)
if server ~= '' then recorded = server end
if loss then
  if loss == SHORTER then
    ends = ends .. format('%.0f,', sequence)
    local _, count = string.gsub(ends, ',', '')
    if count > MAX_ENDS then ends = match(ends, '^%d+,(.*)$') end
  end
  -- By the clock, so that no other epoch that nodes remember has the same number.
  local epoch = time[1] % MAX_EPOCH + 1
  while epoch == epochOf(sequence) or epoch == epochOf(seen) do epoch = epoch % MAX_EPOCH + 1 end
  sequence, startedAt, reason, nodes = epoch * EPOCH_SIZE + 1, format('%.0f', clock), loss, ''
  redis.call('SET', KEYS[1], format('%.0f', sequence))
end
if ARGV[3] ~= '' and tonumber(ARGV[4]) == epochOf(sequence) and not string.find(nodes, ARGV[3], 1, true) then
  nodes, hasChanged = nodes .. ARGV[3] .. ',', true
end
if hasChanged then
  redis.call('SET', KEYS[2], recorded .. '\n' .. startedAt .. '\n' .. reason .. '\n' .. ends .. '\n' .. nodes)
end
local _, repaired = string.gsub(nodes, ',', '')
local reply = struct.pack('>I7I7I7I3I3', clock, sequence, tonumber(startedAt), tonumber(reason), repaired)
for last in string.gmatch(ends, '%d+') do reply = reply .. struct.pack('>I7', tonumber(last)) end
return reply
