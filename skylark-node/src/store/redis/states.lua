-- Lists variables that have a value, ordered by bundle and name.
--
-- KEYS  index of bundles
-- ARGV  the last bundle and name of the page before, or '' and ''; most
--       variables; most bytes (the first variable may have more)
-- returns {bundle, name, version, value, …}
--
-- The bundles are not in KEYS, as the caller does not know them; they share
-- their hash tag with the index, and so its slot.

local after_bundle, after_name, most, room = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local CHUNK = 100

-- By bytes: Lua's own comparison of strings depends on the server's locale.
local function precedes(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

local function names_in(bundle)
  local names = {}
  for _, name in ipairs(redis.call('HKEYS', bundle)) do
    local is_version = name:sub(1, 1) == '@'
    if not is_version and (bundle ~= after_bundle or precedes(after_name, name)) then
      names[#names + 1] = name
    end
  end
  table.sort(names, precedes)
  return names
end

local page = {}
local from = after_bundle == '' and '-' or '[' .. after_bundle
while true do
  local bundles = redis.call('ZRANGE', KEYS[1], from, '+', 'BYLEX', 'LIMIT', 0, CHUNK)
  for _, bundle in ipairs(bundles) do
    for _, name in ipairs(names_in(bundle)) do
      local version = redis.call('HGET', bundle, '@' .. name)
      if not is_over(version) then
        room = room - redis.call('HSTRLEN', bundle, name)
        if #page == 4 * most or (room < 0 and #page > 0) then
          return page
        end
        page[#page + 1] = bundle
        page[#page + 1] = name
        page[#page + 1] = alive(version) or '0'
        page[#page + 1] = redis.call('HGET', bundle, name)
      end
    end
  end
  if #bundles < CHUNK then
    return page
  end
  from = '(' .. bundles[CHUNK]
end
