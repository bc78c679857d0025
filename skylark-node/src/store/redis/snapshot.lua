-- Reads variables.
--
-- KEYS  bundles
-- ARGV  most bytes to read; variables (see fields.lua)
-- returns {'too_large', bytes} or {'fields', version, value, …}

local scanned = {}
local size = size_of(2, #ARGV, scanned)
if size > tonumber(ARGV[1]) then
  return {'too_large', size}
end
return read_into({'fields'}, 2, #ARGV, scanned)
