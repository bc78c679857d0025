-- Shared by `commit` and `put_run`: keeps the index of failed runs, by the time
-- at which each is forgotten (in ms). `place`: '0' it stays as it is, '1' the run
-- is entered, '2' it leaves.
local function list_failed(index, id, place, retention)
  if place == '2' then
    redis.call('ZREM', index, id)
  elseif place == '1' then
    local now = now_ms()
    redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
    redis.call('ZADD', index, string.format('%.0f', now + retention), id)
  end
end
