-- Makes all effects of an invocation visible, or none.
--
-- KEYS  1 the invocation's record, 2 index of bundles, 3 index of the outbox,
--       4 payloads of the outbox, 5 the run's record, 6… bundles
-- ARGV  1 epoch, or '' without an id; 2 whether an outcome follows (0 or 1);
--       3 the outcome; 4 whether a run's record follows (0 or 1); 5 the run's
--       record; 6 retention in ms; 7 number of checks; 8 number of writes;
--       checks: position of the bundle in KEYS, name, version;
--       writes: position, name, 1 and the value or 0 and '';
--       messages (see outbox.lua)
-- returns 0 when done, -1 when fenced, n when check n does not hold

local record, bundles, outbox, payloads, run = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local epoch, retention = ARGV[1], ARGV[6]
local checks = 9
local writes = checks + 3 * ARGV[7]
local messages = writes + 4 * ARGV[8]

if epoch ~= '' then
  local held = redis.call('HMGET', record, 'epoch', 'outcome')
  if held[1] ~= epoch or held[2] then
    return -1
  end
end
for i = checks, writes - 1, 3 do
  local version = redis.call('HGET', KEYS[tonumber(ARGV[i])], '@' .. ARGV[i + 1]) or '0'
  if version ~= ARGV[i + 2] then
    return (i - checks) / 3 + 1
  end
end
-- Reads that fail on a key of another type, before anything is written.
if writes < messages then
  redis.call('ZCARD', bundles)
end
for i = writes, messages - 1, 4 do
  redis.call('HLEN', KEYS[tonumber(ARGV[i])])
end
probe_outbox(outbox, payloads, messages)

-- From here on nothing can fail.
for i = writes, messages - 1, 4 do
  local bundle, name = KEYS[tonumber(ARGV[i])], ARGV[i + 1]
  if ARGV[i + 2] == '1' then
    redis.call('HSET', bundle, name, ARGV[i + 3])
  else
    redis.call('HDEL', bundle, name)
  end
  if redis.call('HINCRBY', bundle, '@' .. name, 1) == 1 then
    redis.call('ZADD', bundles, 0, bundle)
  end
end
if epoch ~= '' and ARGV[2] == '1' then
  redis.call('HSET', record, 'outcome', ARGV[3])
  redis.call('PEXPIRE', record, retention)
end
if ARGV[4] == '1' then
  redis.call('SET', run, ARGV[5], 'PX', retention)
end
post(outbox, payloads, messages)
return 0
