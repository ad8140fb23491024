#!lua name=coldstart
-- Fenced writes and atomic reads. Every key of one call shares a symbol's hash tag.
-- Replies are status words; OK means done or already done, so each call may be repeated.

local function standing(owner_key, token)
  local owner = redis.call('GET', owner_key)
  local held = owner and tonumber(string.match(owner, '^(%d+) ')) or 0
  if held > tonumber(token) then return 'FENCED' end
  if held < tonumber(token) then return 'UNCLAIMED' end -- no owner, or one from an old backup
  return 'OK'
end

-- keys: owner; args: token, boot_id
local function claim(keys, args)
  local owner = redis.call('GET', keys[1])
  local held = owner and tonumber(string.match(owner, '^(%d+) ')) or 0
  if held > tonumber(args[1]) then return 'FENCED' end
  redis.call('SET', keys[1], args[1] .. ' ' .. args[2])
  return 'OK'
end

-- keys: owner; args: token
local function holds(keys, args)
  return standing(keys[1], args[1])
end

-- keys: owner, live, tail...; args: token, generation, value...
local function write(keys, args)
  local word = standing(keys[1], args[1])
  if word ~= 'OK' then return word end
  if redis.call('HGET', keys[2], 'generation') == args[2] then return 'SEALED' end
  for index = 3, #keys do redis.call('SET', keys[index], args[index]) end
  return 'OK'
end

-- keys: owner, live, tail...; args: token, generation, seq
local function flip(keys, args)
  local word = standing(keys[1], args[1])
  if word ~= 'OK' then return word end
  local live = redis.call('HGET', keys[2], 'generation')
  if live == args[2] then return 'OK' end
  if live and live > args[2] then return 'FENCED' end
  for index = 3, #keys do
    if redis.call('EXISTS', keys[index]) == 0 then return 'INCOMPLETE' end
  end
  redis.call('HSET', keys[2], 'generation', args[2], 'seq', args[3], 'previous', live or '')
  return 'OK'
end

-- keys: owner, live, then tails, then previews; args: token, generation, from_seq, channel,
-- number of tails, value...
local function extend(keys, args)
  local word = standing(keys[1], args[1])
  if word ~= 'OK' then return word end
  local live = redis.call('HMGET', keys[2], 'generation', 'seq')
  if live[1] ~= args[2] then return 'NOT_LIVE' end
  if tonumber(live[2]) == tonumber(args[3]) + 1 then return 'OK' end
  if live[2] ~= args[3] then return 'OUT_OF_SEQ' end
  local tails = tonumber(args[5])
  for index = 1, tails do redis.call('SET', keys[2 + index], args[5 + index]) end
  for index = 3 + tails, #keys do redis.call('DEL', keys[index]) end
  local seq = tostring(tonumber(args[3]) + 1)
  redis.call('HSET', keys[2], 'seq', seq)
  redis.call('PUBLISH', args[4], args[2] .. ' ' .. seq)
  return 'OK'
end

-- keys: live; args: timeframe name...
-- The tails' keys follow from the pointer, so they are built here, beside it in the same slot.
local function read(keys, args)
  local live = redis.call('HMGET', keys[1], 'generation', 'seq', 'previous')
  if not live[1] then return {} end
  local stem = string.sub(keys[1], 1, -5) .. live[1] .. ':'
  local reply = { live[1], live[2], live[3] }
  for index = 1, #args do reply[3 + index] = redis.call('GET', stem .. args[index]) end
  return reply
end

-- Open of a packed tail's newest bar: the last of the first column; see docs/formats.md.
local function last_open(tail_key)
  local head = redis.call('GETRANGE', tail_key, 0, 15)
  if #head < 16 then return 0 end
  local count = struct.unpack('<I4', head, 9)
  if count == 0 then return 0 end
  local at = 16 + (count - 1) * 8
  local low, high = struct.unpack('<I4I4', redis.call('GETRANGE', tail_key, at, at + 7))
  return high * 4294967296 + low
end

-- keys: owner, live, preview...; args: token, ttl_ms, then timeframe name, open_time_ms, value
-- for each preview. One that is not after the last final bar is refused: its key goes.
local function preview(keys, args)
  local word = standing(keys[1], args[1])
  if word ~= 'OK' then return word end
  local live = redis.call('HGET', keys[2], 'generation')
  if not live then return 'NOT_LIVE' end
  local stem = string.sub(keys[2], 1, -5) .. live .. ':'
  for index = 3, #keys do
    local at = 3 * index - 6
    if tonumber(args[at + 1]) > last_open(stem .. args[at]) then
      redis.call('SET', keys[index], args[at + 2], 'PX', args[2])
    else
      redis.call('DEL', keys[index])
    end
  end
  return 'OK'
end

redis.register_function('coldstart_preview', preview)
redis.register_function('coldstart_claim', claim)
redis.register_function { function_name = 'coldstart_holds', callback = holds, flags = { 'no-writes' } }
redis.register_function('coldstart_write', write)
redis.register_function('coldstart_flip', flip)
redis.register_function('coldstart_extend', extend)
redis.register_function { function_name = 'coldstart_read', callback = read, flags = { 'no-writes' } }
