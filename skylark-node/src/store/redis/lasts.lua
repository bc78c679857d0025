-- Shared by the scripts that read or write state. What has a `ttl` has for a version
-- '<version>:<ms>': the time at which it is over. It is also in the sorted set of what
-- expires, by that time, and stays there if it is written without one: whoever sweeps
-- looks at the version.
--
--   v:<name>:<bundle>                            a variable
--   e:<name>:<bytes of the next>:<values><key>   an entry: the key of the values, its own

-- A version as it is compared; what is false, or over, has none.
local function alive(version)
  local colon = version and string.find(version, ':', 1, true)
  if not colon then
    return version
  end
  return tonumber(string.sub(version, colon + 1)) > now_ms() and string.sub(version, 1, colon - 1)
end

local function is_over(version)
  return version and not alive(version)
end

-- Enters what is now written and lasts `ttl` ms; returns what its version ends with.
local function enter_expiring(expiring, member, ttl)
  local ends = string.format('%.0f', now_ms() + ttl)
  redis.call('ZADD', expiring, ends, member)
  return ':' .. ends
end

-- Takes the version of a variable that is written one up; forgets its value if that is
-- over. Returns the version, and whether it is the first.
local function next_version(expiring, bundle, name, ttl)
  local field = '@' .. name
  if not ttl then
    -- What has a time is no number: it fails, and does nothing.
    local version = redis.pcall('HINCRBY', bundle, field, 1)
    if type(version) ~= 'table' then
      return version, version == 1
    end
  end
  local before = redis.call('HGET', bundle, field)
  if is_over(before) then
    redis.call('HDEL', bundle, name)
  end
  local version = (before and tonumber(string.match(before, '^%d+')) or 0) + 1
  local ends = ''
  if ttl then
    -- See `expiring_version` of the protocol.
    version = math.max(version, now_us())
    ends = enter_expiring(expiring, 'v:' .. name .. ':' .. bundle, ttl)
  end
  redis.call('HSET', bundle, field, string.format('%.0f', version) .. ends)
  return version, not before
end
