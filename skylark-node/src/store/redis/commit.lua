-- Makes all effects of an invocation visible, or none; then begins another.
--
-- KEYS  1 the invocation's record, 2 index of bundles, 3 index of the outbox,
--       4 payloads of the outbox, 5 the run's record, 6 index of failed runs,
--       7 to 9 record, cancellation and run of the invocation to begin, 10… bundles
-- ARGV  1 epoch, or '' without an id; 2 whether an outcome follows (0 or 1);
--       3 the outcome; 4 whether a run's record follows (0, or 1 and its
--       place, see failed.lua); 5 the run's record; 6 its id; 7 how long it is kept in ms;
--       8 the same of the outcome, 9 of a run's bundle; 10 to 14 number of checks, writes, acks,
--       messages, and of what begin takes;
--       checks: position of the bundle in KEYS, name, version; or a part (see
--       parts.lua) and its version;
--       writes: position, name, 1 and the value or 0 and '', 1 if the bundle
--       belongs to a run; or a part, 1 and the value or 0 and '', and the name of
--       its collection; behind the 1 or 0 and a space, how long it lasts in ms, if it
--       does not for good;
--       acks: ids of messages that are needless now;
--       messages (see outbox.lua); what begin takes (see lease.lua)
-- returns {0} when done, {-1} when fenced, {n} when check n does not hold,
--         {-2, n} when write n is to what is no collection;
--         {0, …} with the answer of begin

local record, bundles, outbox, payloads, run, failed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
-- What expires: not in KEYS, as few writes need it; in the slot of its neighbours.
local expiring = string.gsub(bundles, 'bundles$', 'expiring')
local epoch, retention, keep = ARGV[1], ARGV[8], ARGV[9]
local checks = 15
local writes = checks + 3 * ARGV[10]
local acks = writes + 5 * ARGV[11]
local messages = acks + ARGV[12]
local next = messages + 3 * ARGV[13]

if epoch ~= '' then
  local held = epoch .. ' '
  if redis.call('GETRANGE', record, 0, #held - 1) ~= held then
    return {-1}
  end
end
for i = checks, writes - 1, 3 do
  local bundle = KEYS[tonumber(ARGV[i])]
  local version
  if bundle then
    version = alive(redis.call('HGET', bundle, '@' .. ARGV[i + 1])) or '0'
  else
    version = version_of_part(i)
  end
  if version ~= ARGV[i + 2] then
    return {(i - checks) / 3 + 1}
  end
end
-- Reads that fail on a key of another type, before anything is written.
if writes < acks then
  redis.call('ZCARD', bundles)
end
local probed = false
for i = writes, acks - 1, 5 do
  local bundle = KEYS[tonumber(ARGV[i])]
  if #ARGV[i + 2] > 1 and not probed then
    probed = redis.call('ZCARD', expiring)
  end
  if bundle then
    redis.call('HLEN', bundle)
  elseif not fits(i, ARGV[i + 4]) then
    return {-2, (i - writes) / 5 + 1}
  end
end
local place = tonumber(ARGV[4]) - 1
if place > 0 then
  redis.call('ZCARD', failed)
end
probe_outbox(outbox, payloads, messages, next - 1)
if acks < messages then
  redis.call('ZCARD', outbox)
  redis.call('HLEN', payloads)
end

-- From here on nothing can fail.
for i = writes, acks - 1, 5 do
  local bundle, name = KEYS[tonumber(ARGV[i])], ARGV[i + 1]
  local of_run = ARGV[i + 4] == '1'
  local is_new = false
  local value = string.sub(ARGV[i + 2], 1, 1) == '1' and ARGV[i + 3]
  local ttl = tonumber(string.sub(ARGV[i + 2], 3))
  if not bundle then
    bundle = write_part(i, ARGV[i + 4], value, expiring, ttl)
    of_run, is_new = false, bundle
  elseif of_run and not value then
    redis.call('HDEL', bundle, name, '@' .. name)
  else
    local _, is_first = next_version(expiring, bundle, name, ttl)
    is_new = is_first and not of_run
    if value then
      redis.call('HSET', bundle, name, value)
    else
      redis.call('HDEL', bundle, name)
    end
  end
  if is_new then
    redis.call('ZADD', bundles, 0, bundle)
  end
  if of_run then
    redis.call('PEXPIRE', bundle, keep)
  end
end
if epoch ~= '' and ARGV[2] == '1' then
  redis.call('SET', record, '=' .. ARGV[3], 'PX', retention)
elseif epoch ~= '' then
  redis.call('DEL', record)
end
if place >= 0 then
  redis.call('SET', run, ARGV[5], 'PX', ARGV[7])
  list_failed(failed, ARGV[6], tostring(place), ARGV[7])
end
for i = acks, messages - 1 do
  redis.call('ZREM', outbox, ARGV[i])
  redis.call('HDEL', payloads, ARGV[i])
end
post(outbox, payloads, messages, next - 1)
if ARGV[14] == '0' then
  return {0}
end
local begun = begin(KEYS[7], KEYS[8], KEYS[9], next, next + ARGV[14] - 1)
local answer = {0}
for i = 1, #begun do
  answer[i + 1] = begun[i] or false
end
return answer
