#!lua name=coldstart
-- Fenced writes and atomic reads. Every key of one call shares a symbol's hash tag.
-- Replies are status words; OK means done or already done, so each call may be repeated.
-- Fenced functions get keys: owner, live, …; args: token, boot_id, …

-- A value, or false where there is none or somebody put one of another type.
local function fetched(...)
  local value = redis.pcall(...)
  if type(value) == 'table' and value.err then return false end
  return value
end

-- OK for the owner itself. A token is unique within one data folder only: the same one with
-- another boot is an engine on a copy of the folder, and whoever claimed first goes on.
local function standing(keys, args)
  local owner = fetched('GET', keys[1]) or ''
  local held, boot_id = string.match(owner, '^(%d+) (%S+)$')
  if not held or tonumber(held) < tonumber(args[1]) then
    return 'UNCLAIMED' -- emptied, or from an old backup
  end
  if tonumber(held) == tonumber(args[1]) and boot_id == args[2] then return 'OK' end
  return 'FENCED'
end

local GENERATION = '^%d%d%d%d%d%d%d%d%-%d%d%d%d$'

-- { generation, seq, previous }; empty where there is none or what is there has no meaning.
local function pointer(live_key)
  local live = fetched('HMGET', live_key, 'generation', 'seq', 'previous') or {}
  local generation, seq, previous = live[1] or '', live[2] or '', live[3] or ''
  if not string.match(generation, GENERATION) then return {} end
  if not string.match(seq, '^%d+$') or #seq > 15 then return {} end
  if previous ~= '' and not string.match(previous, GENERATION) then return {} end
  return { generation, seq, previous }
end

-- Where the keys of a symbol begin: its live key without the last word.
local function stem(live_key) return string.sub(live_key, 1, -5) end

-- Open of a packed tail's newest bar: the last of the first column; see docs/formats.md.
local function last_open(tail_key)
  local head = fetched('GETRANGE', tail_key, 0, 15) or ''
  if #head < 16 then return 0 end
  local count = struct.unpack('<I4', head, 9)
  if count == 0 then return 0 end
  local at = 16 + (count - 1) * 8
  local newest = redis.call('GETRANGE', tail_key, at, at + 7)
  if #newest < 8 then return 0 end
  local low, high = struct.unpack('<I4I4', newest)
  return high * 4294967296 + low
end

-- A pointer without meaning is dropped, so that the new owner finds none and puts back its own.
local function claim(keys, args)
  local word = standing(keys, args)
  if word == 'FENCED' then return word end
  if word == 'UNCLAIMED' then redis.call('SET', keys[1], args[1] .. ' ' .. args[2]) end
  if not pointer(keys[2])[1] then redis.call('DEL', keys[2]) end
  return 'OK'
end

-- Replies { word, generation, seq, previous }, or the word alone when we do not own it.
local function holds(keys, args)
  local word = standing(keys, args)
  if word ~= 'OK' then return { word } end
  local live = fetched('HMGET', keys[2], 'generation', 'seq', 'previous')
  if not live then return { word, 'of another type', false, false } end
  return { word, live[1], live[2], live[3] }
end

-- keys: …, tail…; args: …, generation, value…
local function write(keys, args)
  local word = standing(keys, args)
  if word ~= 'OK' then return word end
  local live = pointer(keys[2])
  if live[1] == args[3] or live[3] == args[3] then return 'SEALED' end
  for index = 3, #keys do redis.call('SET', keys[index], args[1 + index]) end
  return 'OK'
end

-- keys: …, tail…, preview… (as many); args: …, generation, seq
-- A forming bar that the new generation holds as a final one goes.
local function flip(keys, args)
  local word = standing(keys, args)
  if word ~= 'OK' then return word end
  local live = pointer(keys[2])[1]
  if live == args[3] then return 'OK' end
  if live and live > args[3] then return 'FENCED' end
  local tails = (#keys - 2) / 2
  for index = 3, 2 + tails do
    if redis.call('EXISTS', keys[index]) == 0 then return 'INCOMPLETE' end
  end
  redis.call('HSET', keys[2], 'generation', args[3], 'seq', args[4], 'previous', live or '')
  for index = 3, 2 + tails do
    local forming = fetched('GET', keys[index + tails])
    local open = forming and tonumber(string.match(forming, '"open_time_ms":(%d+)'))
    if open and open <= last_open(keys[index]) then redis.call('DEL', keys[index + tails]) end
  end
  return 'OK'
end

-- keys: …, tail…, preview… (as many); args: …, generation, from_seq, channel, value…
local function extend(keys, args)
  local word = standing(keys, args)
  if word ~= 'OK' then return word end
  local live = pointer(keys[2])
  if live[1] ~= args[3] then return 'NOT_LIVE' end
  local from_seq = tonumber(args[4])
  if tonumber(live[2]) == from_seq + 1 then return 'OK' end
  if tonumber(live[2]) ~= from_seq then return 'OUT_OF_SEQ' end
  local tails = (#keys - 2) / 2
  for index = 3, 2 + tails do redis.call('SET', keys[index], args[3 + index]) end
  for index = 3 + tails, #keys do redis.call('DEL', keys[index]) end
  local seq = string.format('%.0f', from_seq + 1)
  redis.call('HSET', keys[2], 'seq', seq)
  redis.call('PUBLISH', args[5], args[3] .. ' ' .. seq)
  return 'OK'
end

-- keys: …, preview…; args: …, ttl_ms, then timeframe name, open_time_ms, value for each.
-- One that is not after the last final bar is refused: its key goes.
local function preview(keys, args)
  local word = standing(keys, args)
  if word ~= 'OK' then return word end
  local live = pointer(keys[2])[1]
  if not live then return 'NOT_LIVE' end
  local tails = stem(keys[2]) .. live .. ':'
  for index = 3, #keys do
    local at = 3 * index - 5
    if tonumber(args[at + 1]) > last_open(tails .. args[at]) then
      redis.call('SET', keys[index], args[at + 2], 'PX', args[3])
    else
      redis.call('DEL', keys[index])
    end
  end
  return 'OK'
end

-- keys: …, tail…; args: …, generation
local function forget(keys, args)
  local word = standing(keys, args)
  if word ~= 'OK' then return word end
  local live = pointer(keys[2])
  if live[1] == args[3] or live[3] == args[3] then return 'SEALED' end
  for index = 3, #keys do redis.call('UNLINK', keys[index]) end
  return 'OK'
end

-- For readers, not fenced. keys: live; args: timeframe name…
-- The tails' keys follow from the pointer, so they are built here, beside it in the same slot.
local function read(keys, args)
  local live = redis.call('HMGET', keys[1], 'generation', 'seq', 'previous')
  if not live[1] then return {} end
  local tails = stem(keys[1]) .. live[1] .. ':'
  local reply = { live[1], live[2], live[3] }
  for index = 1, #args do reply[3 + index] = fetched('GET', tails .. args[index]) end
  return reply
end

redis.register_function('coldstart_claim', claim)
redis.register_function { function_name = 'coldstart_holds', callback = holds, flags = { 'no-writes' } }
redis.register_function('coldstart_write', write)
redis.register_function('coldstart_flip', flip)
redis.register_function('coldstart_extend', extend)
redis.register_function('coldstart_preview', preview)
redis.register_function('coldstart_forget', forget)
redis.register_function { function_name = 'coldstart_read', callback = read, flags = { 'no-writes' } }
