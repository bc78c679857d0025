-- Forgets messages that were delivered.
--
-- KEYS  index of the outbox, payloads of the outbox
-- ARGV  ids

for _, id in ipairs(ARGV) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
end
return 0
