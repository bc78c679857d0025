-- Takes messages whose claim has passed, and claims them anew.
--
-- KEYS  index of the outbox, payloads of the outbox
-- ARGV  most messages; most bytes (the first message may have more); claim in ms
-- returns {id, payload, …}

local now = now_ms()
local due = string.format('%.0f', now + ARGV[3])
local room = tonumber(ARGV[2])
local taken = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])) do
  room = room - redis.call('HSTRLEN', KEYS[2], id)
  if room < 0 and #taken > 0 then
    break
  end
  local payload = redis.call('HGET', KEYS[2], id)
  if payload then
    redis.call('ZADD', KEYS[1], due, id)
    taken[#taken + 1] = id
    taken[#taken + 1] = payload
  else
    -- Somebody deleted the payloads by hand; without one it is no message.
    redis.call('ZREM', KEYS[1], id)
  end
end
return taken
