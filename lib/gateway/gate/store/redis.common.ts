/*
 * What gates know, in Redis. All keys share one hash tag, so that a script may touch all of them on a cluster too:
 *   s:<sid>   hash: client, user, settings, subs (JSON), gate, keep (ms), push (last id)
 *   c:<client> sid      u:<user> set of sids      g:<group> set of sids      sg:<sid> set of groups
 *   p:<sid>   hash: push id -> JSON, '' when the client has it      po:<sid> zset: push id by order      pn:<sid> set of those never sent
 *   r:<sid>   hash: id of a message of QoS 2 from the client -> gate that handles it, '' when it is handled
 *   f:<filter> hash: sid -> QoS      fs:<sid> set of its filters      n hash: beginning of a filter up to a slash -> how many have it
 *   due       zset: sid with filters by the moment at which it is gone
 *   gates     zset: gate by the moment until which it lives      at:<gate> set of sids      retained hash: topic -> JSON      rb its bytes
 * KEYS[1] is the prefix. Times are Redis's own: gates' clocks differ.
 */
export const COMMON = `
local P = KEYS[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function lives(gate)
  if not gate or gate == '' then return false end
  local till = redis.call('ZSCORE', P .. 'gates', gate)
  return till and tonumber(till) > now
end
local function place(sid)
  local gate = redis.call('HGET', P .. 's:' .. sid, 'gate')
  if gate == false then return nil end
  if lives(gate) then return { sid, gate } end
  return { sid, '' }
end
local function nameless(sid)
  local user = redis.call('HGET', P .. 's:' .. sid, 'user')
  if user and user ~= '' then redis.call('SREM', P .. 'u:' .. user, sid) end
end
local function grow(filter, by)
  local path = ''
  for level in string.gmatch(filter .. '/', '(.-)/') do
    path = path .. level .. '/'
    if redis.call('HINCRBY', P .. 'n', path, by) <= 0 then redis.call('HDEL', P .. 'n', path) end
  end
end
local function subscribe(sid, subs)
  for _, filter in ipairs(redis.call('SMEMBERS', P .. 'fs:' .. sid)) do
    if subs[filter] == nil then
      redis.call('SREM', P .. 'fs:' .. sid, filter)
      redis.call('HDEL', P .. 'f:' .. filter, sid)
      grow(filter, -1)
    end
  end
  for filter, qos in pairs(subs) do
    redis.call('HSET', P .. 'f:' .. filter, sid, qos)
    if redis.call('SADD', P .. 'fs:' .. sid, filter) == 1 then grow(filter, 1) end
  end
end
local function forget(sid)
  nameless(sid)
  subscribe(sid, {})
  redis.call('ZREM', P .. 'due', sid)
  local client = redis.call('HGET', P .. 's:' .. sid, 'client')
  if client and redis.call('GET', P .. 'c:' .. client) == sid then redis.call('DEL', P .. 'c:' .. client) end
  for _, group in ipairs(redis.call('SMEMBERS', P .. 'sg:' .. sid)) do redis.call('SREM', P .. 'g:' .. group, sid) end
  redis.call('DEL', P .. 's:' .. sid, P .. 'sg:' .. sid, P .. 'p:' .. sid, P .. 'po:' .. sid, P .. 'pn:' .. sid, P .. 'r:' .. sid)
end
local function expire(sid, ms)
  for _, kind in ipairs({ 's:', 'sg:', 'p:', 'po:', 'pn:', 'r:' }) do
    if ms > 0 then redis.call('PEXPIRE', P .. kind .. sid, ms) else redis.call('PERSIST', P .. kind .. sid) end
  end
  -- Its filters stay until somebody looks: what expires cannot say what it had.
  if ms > 0 and redis.call('EXISTS', P .. 'fs:' .. sid) == 1 then redis.call('ZADD', P .. 'due', now + ms, sid) else redis.call('ZREM', P .. 'due', sid) end
  local client = redis.call('HGET', P .. 's:' .. sid, 'client')
  if client then
    if ms > 0 then redis.call('PEXPIRE', P .. 'c:' .. client, ms) else redis.call('PERSIST', P .. 'c:' .. client) end
  end
end
local function release(sid, gate, keep)
  if redis.call('HGET', P .. 's:' .. sid, 'gate') ~= gate then return end
  redis.call('SREM', P .. 'at:' .. gate, sid)
  if keep <= 0 then return forget(sid) end
  redis.call('HSET', P .. 's:' .. sid, 'gate', '')
  expire(sid, keep)
end
local function abandon(gate, most)
  for _, sid in ipairs(redis.call('SRANDMEMBER', P .. 'at:' .. gate, most)) do
    local keep = tonumber(redis.call('HGET', P .. 's:' .. sid, 'keep') or '0')
    if redis.call('HGET', P .. 's:' .. sid, 'gate') == gate then release(sid, gate, keep) else redis.call('SREM', P .. 'at:' .. gate, sid) end
  end
  return redis.call('SCARD', P .. 'at:' .. gate)
end
local function places(set)
  local found = {}
  for _, sid in ipairs(redis.call('SMEMBERS', set)) do
    local at = place(sid)
    if at then found[#found + 1] = at else redis.call('SREM', set, sid) end
  end
  return found
end
local function keep(sid, text, limit, at)
  local count = redis.call('HLEN', P .. 'p:' .. sid)
  if count >= limit or count >= 65535 then return 0 end
  local id = tonumber(redis.call('HGET', P .. 's:' .. sid, 'push'))
  repeat id = id % 65535 + 1 until redis.call('HEXISTS', P .. 'p:' .. sid, id) == 0
  redis.call('HSET', P .. 's:' .. sid, 'push', id)
  redis.call('HSET', P .. 'p:' .. sid, id, text)
  local last = redis.call('ZREVRANGE', P .. 'po:' .. sid, 0, 0, 'WITHSCORES')
  redis.call('ZADD', P .. 'po:' .. sid, (tonumber(last[2] or '0')) + 1, id)
  if at[2] == '' then redis.call('SADD', P .. 'pn:' .. sid, id) end
  local left = redis.call('PTTL', P .. 's:' .. sid)
  if left > 0 then
    for _, kind in ipairs({ 'p:', 'po:', 'pn:' }) do redis.call('PEXPIRE', P .. kind .. sid, left) end
  end
  return id
end
`;
