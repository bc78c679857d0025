-- Shared by `begin` and `commit`: takes the lease on an invocation and reads
-- variables.
--
-- record     the invocation's record
-- cancelled  is there if its run was cancelled
-- run        the run's record, if the invocation is its first task: '+' if that is
--            over, or '-', and the record itself; else the same as `record`
-- first      of ARGV: owner; lease in ms; how long the record outlives its lease
--            in ms; most bytes to read; variables (see fields.lua), up to `last`
-- returns {'recorded', outcome}, {'over', run}, {'cancelled'}, {'busy', ms}, {'too_large', bytes}
--         or {'leased', run or nil, epoch, version, value, …}
local function begin(record, cancelled, run, first, last)
  local owner, lease, most = ARGV[first], tonumber(ARGV[first + 1]), tonumber(ARGV[first + 3])
  local size = redis.call('HSTRLEN', record, 'outcome')
  if size > most then
    return {'too_large', size}
  elseif size > 0 then
    return {'recorded', redis.call('HGET', record, 'outcome')}
  end
  local known = false
  if run ~= record then
    size = redis.call('STRLEN', run)
    if size > most then
      return {'too_large', size}
    end
    known = size > 0 and redis.call('GET', run)
    if known and string.sub(known, 1, 1) == '+' then
      return {'over', known}
    end
  end
  if redis.call('EXISTS', cancelled) == 1 then
    return {'cancelled'}
  end

  local time = redis.call('TIME')
  local now_us = time[1] * 1000000 + time[2]
  local now = math.floor(now_us / 1000)
  local held = redis.call('HMGET', record, 'epoch', 'lease', 'owner')
  if held[3] and held[3] ~= owner and tonumber(held[2]) > now then
    return {'busy', held[2] - now}
  end

  size = size_of(first + 4, last)
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
  redis.call('PEXPIRE', record, lease + tonumber(ARGV[first + 2]))
  return read_into({'leased', known, epoch}, first + 4, last)
end
