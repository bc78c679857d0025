-- Takes the lease on an invocation and reads variables.
--
-- KEYS  the invocation's record; bundles
-- ARGV  owner; lease in ms; how long the record outlives its lease in ms;
--       most bytes to read; variables (see fields.lua)
-- returns {'recorded', outcome}, {'busy', ms}, {'too_large', bytes}
--         or {'leased', epoch, version, value, …}

local record, owner, lease, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])

local size = redis.call('HSTRLEN', record, 'outcome')
if size > most then
  return {'too_large', size}
elseif size > 0 then
  return {'recorded', redis.call('HGET', record, 'outcome')}
end

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)
local held = redis.call('HMGET', record, 'epoch', 'lease', 'owner')
if held[3] and held[3] ~= owner and tonumber(held[2]) > now then
  return {'busy', held[2] - now}
end

size = size_of(5)
if size > most then
  return {'too_large', size}
end

-- The time in microseconds grows over the life of a record, too, so that a
-- node which slept through its record's expiry cannot hold a new one's epoch.
local epoch = math.max((tonumber(held[1]) or 0) + 1, now_us)
redis.call('HSET', record,
  'epoch', string.format('%.0f', epoch),
  'lease', string.format('%.0f', now + lease),
  'owner', owner)
redis.call('PEXPIRE', record, lease + tonumber(ARGV[3]))
return read_into({'leased', epoch}, 5)
