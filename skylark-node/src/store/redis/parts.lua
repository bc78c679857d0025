-- Shared by the scripts that read or write. Where a variable would stand in ARGV,
-- as the position of its bundle in KEYS and its name, a part of a collection is a
-- letter with the position of the first of its keys, and what it is:
--
--   e  an entry, by its key
--   r  a range of entries: '<limit><+ or -><bytes of the first bound>:<bounds>'
--   n  the number of entries
--   p  what follows the last entry: it can only be written
--   s  a counter's sum, by the counter's name: it can only be added to
--
-- The keys are four: the values, the versions and the index of the entries, and the
-- bundle that the collection is a variable of; for `s` only that.

local function part_of(i)
  return string.sub(ARGV[i], 1, 1), tonumber(string.sub(ARGV[i], 2))
end

-- The keys of a range, and what their versions come to, in hexadecimal.
local function scan(at, span)
  local limit, direction, len, bounds = string.match(span, '^(%d+)([+-])(%d+):(.*)$')
  local from, to = string.sub(bounds, 1, len), string.sub(bounds, len + 1)
  limit = tonumber(limit)
  local keys, digest, seen = {}, {}, 0
  -- Once, but for what is over and not swept.
  repeat
    local found
    if direction == '+' then
      found = redis.call('ZRANGE', KEYS[at + 2], from, to, 'BYLEX', 'LIMIT', seen, limit)
    else
      found = redis.call('ZRANGE', KEYS[at + 2], to, from, 'BYLEX', 'REV', 'LIMIT', seen, limit)
    end
    local versions = #found > 0 and redis.call('HMGET', KEYS[at + 1], unpack(found))
    for i, key in ipairs(found) do
      if #keys < limit and not is_over(versions[i]) then
        keys[#keys + 1] = key
        digest[#keys] = key .. '\255' .. (versions[i] or '')
      end
    end
    seen = seen + #found
  until #keys == limit or #found < limit
  return keys, string.sub(redis.sha1hex(table.concat(digest, '\255')), 1, 15)
end

-- The version of a part, as it is checked.
local function version_of_part(i)
  local kind, at = part_of(i)
  if kind == 'e' then
    return alive(redis.call('HGET', KEYS[at + 1], ARGV[i + 1])) or '0'
  elseif kind == 'r' then
    local _, digest = scan(at, ARGV[i + 1])
    return digest
  end
  return string.format('%.0f', redis.call('ZCARD', KEYS[at + 2]))
end

-- Bytes of a part's value. What is scanned is put into `scanned`.
local function size_of_part(i, scanned)
  local kind, at = part_of(i)
  if kind == 'e' then
    return redis.call('HSTRLEN', KEYS[at], ARGV[i + 1])
  elseif kind == 'n' then
    return 0
  end
  local keys, digest = scan(at, ARGV[i + 1])
  scanned[i] = { keys, digest }
  local size = 0
  for _, key in ipairs(keys) do
    size = size + redis.call('HSTRLEN', KEYS[at], key)
  end
  return size
end

-- Version and value of a part; that of a range is {key, value, …}.
local function read_part(i, scanned)
  local kind, at = part_of(i)
  if kind == 'e' then
    local version = redis.call('HGET', KEYS[at + 1], ARGV[i + 1])
    if is_over(version) then
      return false, false
    end
    return alive(version), redis.call('HGET', KEYS[at], ARGV[i + 1])
  elseif kind == 'n' then
    local len = version_of_part(i)
    return len, len
  end
  local keys, digest = scanned[i][1], scanned[i][2]
  local entries = {}
  if #keys > 0 then
    local values = redis.call('HMGET', KEYS[at], unpack(keys))
    for n, key in ipairs(keys) do
      entries[2 * n - 1], entries[2 * n] = key, values[n] or ''
    end
  end
  return digest, entries
end

-- Whether the bundle has a number, or nothing, where a collection would have its
-- own. Fails on a key of another type.
local function fits(i, name)
  local kind, at = part_of(i)
  if kind ~= 's' then
    redis.call('HLEN', KEYS[at])
    redis.call('HLEN', KEYS[at + 1])
    redis.call('ZCARD', KEYS[at + 2])
    at = at + 3
  end
  local value = redis.call('HGET', KEYS[at], name)
  return not value
    or string.match(value, '^%-?%d+$') ~= nil
    or is_over(redis.call('HGET', KEYS[at], '@' .. name))
end

-- Writes a part; tells the key of its bundle if that is new there. `name` is that
-- of the collection; without a `value` the entry is deleted. With a `ttl` (ms) an entry, or
-- a sum, does not last.
local function write_part(i, name, value, expiring, ttl)
  local kind, at = part_of(i)
  local bundle = kind == 's' and KEYS[at] or KEYS[at + 3]
  local version, is_first = next_version(expiring, bundle, name, kind == 's' and ttl)
  if kind == 's' then
    -- Past the bounds it fails, and does nothing.
    local sum = redis.pcall('HINCRBY', bundle, name, value)
    if type(sum) == 'table' then
      local negative = string.sub(value, 1, 1) == '-'
      redis.call('HSET', bundle, name, negative and '-9223372036854775808' or '9223372036854775807')
    end
    return is_first and bundle
  end
  local key = ARGV[i + 1]
  if kind == 'p' then
    -- As the keys of numbers are written.
    local len = string.format('%.0f', redis.call('ZCARD', KEYS[at + 2]))
    key = string.char(64 + #len) .. len
  end
  if value then
    redis.call('HSET', KEYS[at], key, value)
    if ttl then
      local member = 'e:' .. name .. ':' .. #KEYS[at] .. ':' .. KEYS[at] .. key
      version = string.format('%.0f', version) .. enter_expiring(expiring, member, ttl)
    end
    redis.call('HSET', KEYS[at + 1], key, version)
    if redis.call('ZADD', KEYS[at + 2], 0, key) == 1 then
      redis.call('HINCRBY', bundle, name, 1)
    end
  elseif redis.call('ZREM', KEYS[at + 2], key) == 1 then
    redis.call('HDEL', KEYS[at], key)
    redis.call('HDEL', KEYS[at + 1], key)
    redis.call('HINCRBY', bundle, name, -1)
  end
  return is_first and bundle
end
