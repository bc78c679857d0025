-- Shared by the scripts that read. Variables are asked for in ARGV, from `first`
-- to `last`, as pairs: position of the bundle in KEYS, name; or parts of
-- collections (see parts.lua).

-- Bytes of all values asked for. What is scanned is put into `scanned`.
local function size_of(first, last, scanned)
  local size = 0
  for i = first, last, 2 do
    local bundle = KEYS[tonumber(ARGV[i])]
    if bundle then
      size = size + redis.call('HSTRLEN', bundle, ARGV[i + 1])
    else
      size = size + size_of_part(i, scanned)
    end
  end
  return size
end

-- Appends version and value of each to `answer`; both are nil if never written, or over.
local function read_into(answer, first, last, scanned)
  local count = #answer
  for i = first, last, 2 do
    local name = ARGV[i + 1]
    local bundle = KEYS[tonumber(ARGV[i])]
    if bundle then
      local found = redis.call('HMGET', bundle, '@' .. name, name)
      local over = is_over(found[1])
      answer[count + 1], answer[count + 2] = not over and alive(found[1]), not over and found[2]
    else
      answer[count + 1], answer[count + 2] = read_part(i, scanned)
    end
    count = count + 2
  end
  return answer
end
