-- Writes the record of a run.
--
-- KEYS  the run's record, index of failed runs
-- ARGV  the record; its id; its place (see failed.lua); retention in ms

redis.call('ZCARD', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
list_failed(KEYS[2], ARGV[2], ARGV[3], ARGV[4])
return 0
