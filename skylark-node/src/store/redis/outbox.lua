-- Shared by `commit` and `accept`. Messages stand in ARGV, from `first` to
-- `last`, as triples: id, payload, claim in ms.

local function post(index, data, first, last)
  if first > last then
    return
  end
  local now = now_ms()
  for i = first, last, 3 do
    redis.call('HSET', data, ARGV[i], ARGV[i + 1])
    redis.call('ZADD', index, string.format('%.0f', now + ARGV[i + 2]), ARGV[i])
  end
end

-- Fails on a key of another type: an error after the first write would leave
-- half of the writes.
local function probe_outbox(index, data, first, last)
  if first <= last then
    redis.call('ZCARD', index)
    redis.call('HLEN', data)
  end
end
