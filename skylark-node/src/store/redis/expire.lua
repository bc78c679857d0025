-- Forgets variables and entries whose time has passed.
--
-- KEYS  index of what expires, index of bundles
-- ARGV  most of them
-- returns how many were looked at
--
-- What it forgets is not in KEYS, as the caller does not know it; it shares its hash
-- tag with the index, and so its slot.

local expiring, bundles = KEYS[1], KEYS[2]

local function forget_variable(name, bundle)
  if is_over(redis.call('HGET', bundle, '@' .. name)) then
    redis.call('HDEL', bundle, name, '@' .. name)
    if redis.call('EXISTS', bundle) == 0 then
      redis.call('ZREM', bundles, bundle)
    end
  end
end

local function forget_entry(name, values, key)
  local app, of_key = string.match(values, '^(sky:{[^}]*}:)entries:[^:]*(.*)$')
  local versions, index = app .. 'versions:' .. name .. of_key, app .. 'index:' .. name .. of_key
  local bundle = of_key == '' and app .. 'app' or app .. 'key' .. of_key
  if is_over(redis.call('HGET', versions, key)) then
    next_version(expiring, bundle, name)
    redis.call('HDEL', values, key)
    redis.call('HDEL', versions, key)
    redis.call('ZREM', index, key)
    redis.call('HINCRBY', bundle, name, -1)
  end
end

local due = redis.call('ZRANGE', expiring, '-inf', now_ms(), 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, member in ipairs(due) do
  local kind, name, rest = string.match(member, '^(.):([^:]*):(.*)$')
  if kind == 'v' then
    forget_variable(name, rest)
  elseif kind == 'e' then
    local len, both = string.match(rest, '^(%d+):(.*)$')
    forget_entry(name, string.sub(both, 1, len), string.sub(both, len + 1))
  end
  redis.call('ZREM', expiring, member)
end
return #due
