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
  -- All of a lease, or the beginning of an outcome.
  local held = redis.call('GETRANGE', record, 0, 511)
  if string.sub(held, 1, 1) == '=' then
    local size = redis.call('STRLEN', record) - 1
    if size > most then
      return {'too_large', size}
    end
    return {'recorded', string.sub(redis.call('GET', record), 2)}
  end

  local is_first = run ~= record
  local known = false
  if redis.call('EXISTS', cancelled, is_first and run or cancelled) > 0 then
    local size = is_first and redis.call('STRLEN', run) or 0
    if size > most then
      return {'too_large', size}
    elseif size > 0 then
      known = redis.call('GET', run)
      if string.sub(known, 1, 1) == '+' then
        return {'over', known}
      end
    end
    if redis.call('EXISTS', cancelled) == 1 then
      return {'cancelled'}
    end
  end

  local now = now_ms()
  local epoch, ends, holder = string.match(held, '^(%d+) (%d+) (.*)$')
  if holder and holder ~= owner and tonumber(ends) > now then
    return {'busy', ends - now}
  end

  local scanned = {}
  local size = size_of(first + 4, last, scanned)
  if size > most then
    return {'too_large', size}
  end

  -- The time in microseconds grows over the life of a record, too, so that a
  -- node which slept through its record's expiry cannot hold a new one's epoch.
  epoch = string.format('%.0f', math.max((tonumber(epoch) or 0) + 1, now_us()))
  local text = epoch .. ' ' .. string.format('%.0f', now + lease) .. ' ' .. owner
  redis.call('SET', record, text, 'PX', lease + tonumber(ARGV[first + 2]))
  return read_into({'leased', known, epoch}, first + 4, last, scanned)
end
