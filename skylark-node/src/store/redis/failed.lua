-- Shared by `commit` and `put_run`: keeps the index of failed runs, by the time
-- at which each is forgotten (in ms).
local function list_failed(index, id, has_failed, retention)
  if not has_failed then
    redis.call('ZREM', index, id)
    return
  end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  redis.call('ZADD', index, string.format('%.0f', now + retention), id)
end
