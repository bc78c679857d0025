-- Reads a string, unless it is too large.
--
-- KEYS  the string
-- ARGV  most bytes to read
-- returns the value, nil, or its size in bytes

local size = redis.call('STRLEN', KEYS[1])
if size > tonumber(ARGV[1]) then
  return size
end
return redis.call('GET', KEYS[1])
