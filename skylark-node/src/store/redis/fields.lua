-- Shared by `begin` and `snapshot`. Variables are asked for in ARGV, from
-- `first` on, as pairs: position of the bundle in KEYS, name.

-- Bytes of all values asked for.
local function size_of(first)
  local size = 0
  for i = first, #ARGV, 2 do
    size = size + redis.call('HSTRLEN', KEYS[tonumber(ARGV[i])], ARGV[i + 1])
  end
  return size
end

-- Appends version and value of each to `answer`; both are nil if never written.
local function read_into(answer, first)
  local last = #answer
  for i = first, #ARGV, 2 do
    local name = ARGV[i + 1]
    local found = redis.call('HMGET', KEYS[tonumber(ARGV[i])], '@' .. name, name)
    answer[last + 1], answer[last + 2] = found[1], found[2]
    last = last + 2
  end
  return answer
end
