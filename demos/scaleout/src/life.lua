-- KEYS: the stream.  ARGV: a new life; the life and the last id of the copy that asks
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local new = ARGV[1]
if newest then
  local life, last = newest[1]:match('(%d+)-(%d+)')
  local lost = life == ARGV[2] and tonumber(last) < tonumber(ARGV[3])
  if not lost then return life end
  -- The log was restored from older data. Its next messages would get numbers that readers have
  -- seen: so a new life begins, behind the old one.
  if tonumber(new) <= tonumber(life) then new = string.format('%d', life + 1) end
end
redis.call('XADD', KEYS[1], new .. '-0', 'born', '')
return new
