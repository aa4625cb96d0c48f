/*
 * What gates know, in Redis. All keys share one hash tag, so that a script may touch all of them on a cluster too:
 *   s:<sid>   hash: client, user, settings, subs (JSON), gate, keep (ms), push (last id)
 *   c:<client> sid      u:<user> set of sids      g:<group> set of sids      sg:<sid> set of groups
 *   p:<sid>   hash: push id -> JSON      po:<sid> zset: push id by order
 *   gates     zset: gate by the moment until which it lives      at:<gate> set of sids      retained hash: topic -> JSON
 * KEYS[1] is the prefix. Times are Redis's own: gates' clocks differ.
 */
const COMMON = `
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
local function forget(sid)
  nameless(sid)
  local client = redis.call('HGET', P .. 's:' .. sid, 'client')
  if client and redis.call('GET', P .. 'c:' .. client) == sid then redis.call('DEL', P .. 'c:' .. client) end
  for _, group in ipairs(redis.call('SMEMBERS', P .. 'sg:' .. sid)) do redis.call('SREM', P .. 'g:' .. group, sid) end
  redis.call('DEL', P .. 's:' .. sid, P .. 'sg:' .. sid, P .. 'p:' .. sid, P .. 'po:' .. sid)
end
local function expire(sid, ms)
  for _, kind in ipairs({ 's:', 'sg:', 'p:', 'po:' }) do
    if ms > 0 then redis.call('PEXPIRE', P .. kind .. sid, ms) else redis.call('PERSIST', P .. kind .. sid) end
  end
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
`;

/** ARGV: gate, ttl. Also takes in what dead gates have left. Returns 0 when this one counted as dead, or was unknown. */
export const BEAT = `${COMMON}
local lived = lives(ARGV[1]) and 1 or 0
redis.call('ZADD', P .. 'gates', now + tonumber(ARGV[2]), ARGV[1])
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gates', '-inf', now)) do
  if abandon(dead, 500) == 0 then redis.call('ZREM', P .. 'gates', dead) end
end
return lived`;

/** ARGV: gate. Returns how many sessions are left: a part at a time, for nothing else runs in Redis meanwhile. */
export const RETIRE = `${COMMON}
redis.call('ZREM', P .. 'gates', ARGV[1])
return abandon(ARGV[1], 500)`;

/** ARGV: gate, then sids. Returns those that are not its own any more. */
export const RECLAIM = `${COMMON}
local lost = {}
for i = 2, #ARGV do
  local sid = ARGV[i]
  local at = place(sid)
  if not at or (at[2] ~= '' and at[2] ~= ARGV[1]) then
    lost[#lost + 1] = sid
  else
    redis.call('HSET', P .. 's:' .. sid, 'gate', ARGV[1])
    redis.call('SADD', P .. 'at:' .. ARGV[1], sid)
    expire(sid, 0)
  end
end
return lost`;

export const GATES = `${COMMON} return redis.call('ZRANGEBYSCORE', P .. 'gates', '(' .. now, '+inf')`;

/** ARGV: sid, client, user, settings, subs, gate, keep. Returns sid, user, settings, subs, client, resumed, displaced sid, displaced gate. */
export const OPEN = `${COMMON}
local known = redis.call('GET', P .. 'c:' .. ARGV[2])
if known and redis.call('EXISTS', P .. 's:' .. known) == 0 then known = false end
local keep = tonumber(ARGV[7])
local dsid, dgate = '', ''
if known then
  local at = place(known)
  if at and at[2] ~= '' then dsid, dgate = at[1], at[2] end
  local old = redis.call('HGET', P .. 's:' .. known, 'gate')
  if old and old ~= '' then redis.call('SREM', P .. 'at:' .. old, known) end
  if keep > 0 then
    redis.call('HSET', P .. 's:' .. known, 'gate', ARGV[6], 'keep', keep)
    redis.call('SADD', P .. 'at:' .. ARGV[6], known)
    expire(known, 0)
    local r = redis.call('HMGET', P .. 's:' .. known, 'user', 'settings', 'subs')
    return { known, r[1], r[2], r[3], 1, dsid, dgate }
  end
  forget(known)
end
local sid = ARGV[1]
redis.call('HSET', P .. 's:' .. sid, 'client', ARGV[2], 'user', ARGV[3], 'settings', ARGV[4], 'subs', ARGV[5], 'gate', ARGV[6], 'keep', keep, 'push', 0)
redis.call('SET', P .. 'c:' .. ARGV[2], sid)
redis.call('SADD', P .. 'at:' .. ARGV[6], sid)
if ARGV[3] ~= '' then redis.call('SADD', P .. 'u:' .. ARGV[3], sid) end
return { sid, ARGV[3], ARGV[4], ARGV[5], 0, dsid, dgate }`;

/** ARGV: sid, gate, keep. */
export const RELEASE = `${COMMON} release(ARGV[1], ARGV[2], tonumber(ARGV[3])) return 1`;

/** ARGV: sid, then field and value, any number of times. */
export const SAVE = `${COMMON}
if redis.call('EXISTS', P .. 's:' .. ARGV[1]) == 0 then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', P .. 's:' .. ARGV[1], ARGV[i], ARGV[i + 1]) end
return 1`;

export const PLACE = `${COMMON} return place(ARGV[1]) or false`;

/** ARGV: sid, user, policy. Returns 0 for refused, else the displaced. */
export const BIND = `${COMMON}
local sid, user, policy = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', P .. 's:' .. sid) == 0 then return 0 end
local displaced = {}
for _, at in ipairs(places(P .. 'u:' .. user)) do
  if at[1] ~= sid then
    if policy == 'refuse' and at[2] ~= '' then return 0 end
    if policy == 'kick' then displaced[#displaced + 1] = at end
  end
end
for _, at in ipairs(displaced) do
  nameless(at[1])
  redis.call('HSET', P .. 's:' .. at[1], 'user', '')
end
nameless(sid)
redis.call('HSET', P .. 's:' .. sid, 'user', user)
redis.call('SADD', P .. 'u:' .. user, sid)
return displaced`;

export const UNBIND = `${COMMON}
if redis.call('EXISTS', P .. 's:' .. ARGV[1]) == 0 then return 0 end
nameless(ARGV[1])
redis.call('HSET', P .. 's:' .. ARGV[1], 'user', '')
return 1`;

/** ARGV: `u:<user>` or `g:<group>`. */
export const PLACES = `${COMMON} return places(P .. ARGV[1])`;

/** ARGV: group, sid. */
export const JOIN = `${COMMON}
if redis.call('EXISTS', P .. 's:' .. ARGV[2]) == 0 then return 0 end
redis.call('SADD', P .. 'g:' .. ARGV[1], ARGV[2])
redis.call('SADD', P .. 'sg:' .. ARGV[2], ARGV[1])
local left = redis.call('PTTL', P .. 's:' .. ARGV[2])
if left > 0 then redis.call('PEXPIRE', P .. 'sg:' .. ARGV[2], left) end
return 1`;

export const LEAVE = `${COMMON}
redis.call('SREM', P .. 'g:' .. ARGV[1], ARGV[2])
redis.call('SREM', P .. 'sg:' .. ARGV[2], ARGV[1])
return 1`;

/** ARGV: sid, push (JSON), limit. Returns the id and the gate; -1 when there is no such session, 0 when it has too many. */
export const KEEP = `${COMMON}
local sid = ARGV[1]
local at = place(sid)
if not at then return { -1, '' } end
local count = redis.call('HLEN', P .. 'p:' .. sid)
if count >= tonumber(ARGV[3]) or count >= 65535 then return { 0, '' } end
local id = tonumber(redis.call('HGET', P .. 's:' .. sid, 'push'))
repeat id = id % 65535 + 1 until redis.call('HEXISTS', P .. 'p:' .. sid, id) == 0
redis.call('HSET', P .. 's:' .. sid, 'push', id)
redis.call('HSET', P .. 'p:' .. sid, id, ARGV[2])
local last = redis.call('ZREVRANGE', P .. 'po:' .. sid, 0, 0, 'WITHSCORES')
redis.call('ZADD', P .. 'po:' .. sid, (tonumber(last[2] or '0')) + 1, id)
local left = redis.call('PTTL', P .. 's:' .. sid)
if left > 0 then
  redis.call('PEXPIRE', P .. 'p:' .. sid, left)
  redis.call('PEXPIRE', P .. 'po:' .. sid, left)
end
return { id, at[2] }`;

/** Returns id, JSON, id, JSON, ... in order. */
export const UNACKNOWLEDGED = `${COMMON}
local found = {}
for _, id in ipairs(redis.call('ZRANGE', P .. 'po:' .. ARGV[1], 0, -1)) do
  found[#found + 1] = id
  found[#found + 1] = redis.call('HGET', P .. 'p:' .. ARGV[1], id)
end
return found`;

/** ARGV: sid, id. */
export const ACKNOWLEDGE = `${COMMON}
redis.call('HDEL', P .. 'p:' .. ARGV[1], ARGV[2])
redis.call('ZREM', P .. 'po:' .. ARGV[1], ARGV[2])
return 1`;

/** ARGV: topic, JSON; an empty one forgets it. */
export const RETAIN = `${COMMON}
if ARGV[2] == '' then redis.call('HDEL', P .. 'retained', ARGV[1]) else redis.call('HSET', P .. 'retained', ARGV[1], ARGV[2]) end
return 1`;

export const RETAINED = `${COMMON} return redis.call('HVALS', P .. 'retained')`;
