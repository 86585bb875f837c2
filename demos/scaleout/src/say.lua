-- ANCHOR: all
-- KEYS: the stream; the message's key.  ARGV: text, by, capacity, a life for a new stream
local said = redis.call('GET', KEYS[2])
if said then return said end                    -- the same key again: the first id, once more

local life, at = ARGV[4], redis.call('TIME')    -- one clock for all servers
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest then
  life = newest[1]:match('%d+')                 -- 2671509970-7: the life is in front
else
  redis.call('XADD', KEYS[1], life .. '-0', 'born', '')
end
at = at[1] .. string.format('%03d', math.floor(at[2] / 1000))
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], life .. '-*',
                      'text', ARGV[1], 'by', ARGV[2], 'at', at)
said = id .. ' ' .. at
redis.call('SET', KEYS[2], said, 'EX', 86400)   -- a key is remembered for a day
return said
-- ANCHOR_END: all
