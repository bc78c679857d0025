-- Accepts a run, unless one is recorded.
--
-- KEYS  the run's record, index of the outbox, payloads of the outbox
-- ARGV  the run's record; retention in ms; messages (see outbox.lua)
-- returns the record of the earlier run, or nil

local recorded = redis.call('GET', KEYS[1])
if recorded then
  return recorded
end
probe_outbox(KEYS[2], KEYS[3], 3, #ARGV)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
post(KEYS[2], KEYS[3], 3, #ARGV)
return false
