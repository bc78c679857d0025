-- Shared by the scripts that read. Variables are asked for in ARGV, from `first`
-- to `last`, as pairs: position of the bundle in KEYS, name.

-- Bytes of all values asked for.
local function size_of(first, last)
  local size = 0
  for i = first, last, 2 do
    size = size + redis.call('HSTRLEN', KEYS[tonumber(ARGV[i])], ARGV[i + 1])
  end
  return size
end

-- Appends version and value of each to `answer`; both are nil if never written.
local function read_into(answer, first, last)
  local count = #answer
  for i = first, last, 2 do
    local name = ARGV[i + 1]
    local found = redis.call('HMGET', KEYS[tonumber(ARGV[i])], '@' .. name, name)
    answer[count + 1], answer[count + 2] = found[1], found[2]
    count = count + 2
  end
  return answer
end
