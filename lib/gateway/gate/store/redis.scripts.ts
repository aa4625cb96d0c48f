import { COMMON } from './redis.common.js';

/** ARGV: gate, ttl. Also takes in what dead gates have left. Returns 0 when this one counted as dead, or was unknown. */
export const BEAT = `${COMMON}
local lived = lives(ARGV[1]) and 1 or 0
redis.call('ZADD', P .. 'gates', now + tonumber(ARGV[2]), ARGV[1])
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gates', '-inf', now)) do
  if abandon(dead, 500) == 0 then redis.call('ZREM', P .. 'gates', dead) end
end
for _, sid in ipairs(redis.call('ZRANGEBYSCORE', P .. 'due', '-inf', now, 'LIMIT', 0, 500)) do
  if redis.call('EXISTS', P .. 's:' .. sid) == 0 then subscribe(sid, {}) end
  redis.call('ZREM', P .. 'due', sid)
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
  if keep > 0 and tonumber(redis.call('HGET', P .. 's:' .. known, 'keep')) > 0 then
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
for i = 2, #ARGV, 2 do
  redis.call('HSET', P .. 's:' .. ARGV[1], ARGV[i], ARGV[i + 1])
  if ARGV[i] == 'subs' then subscribe(ARGV[1], cjson.decode(ARGV[i + 1])) end
end
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
local id = keep(sid, ARGV[2], tonumber(ARGV[3]), at)
return { id, id == 0 and '' or at[2] }`;

/** ARGV: topic, limit, JSON with QoS 1, JSON with QoS 2 or none. Returns sid, gate, id, QoS for each; id 0 for those that have too many. */
export const PUBLISH = `${COMMON}
local levels, granted, found = {}, {}, {}
for level in string.gmatch(ARGV[1] .. '/', '(.-)/') do levels[#levels + 1] = level end
local function take(filter)
  local who = redis.call('HGETALL', P .. 'f:' .. filter)
  for i = 1, #who, 2 do granted[who[i]] = math.max(granted[who[i]] or 0, tonumber(who[i + 1])) end
end
local function is(path) return redis.call('HEXISTS', P .. 'n', path .. '/') == 1 end
local function visit(path, depth)
  -- Wildcards do not reach topics that begin with $.
  local wild = depth > 1 or string.sub(ARGV[1], 1, 1) ~= '$'
  if wild and is(path .. '#') then take(path .. '#') end
  if depth > #levels then return take(string.sub(path, 1, -2)) end
  if is(path .. levels[depth]) then visit(path .. levels[depth] .. '/', depth + 1) end
  if wild and is(path .. '+') then visit(path .. '+/', depth + 1) end
end
visit('', 1)
for sid, qos in pairs(granted) do
  local at = place(sid)
  qos = math.min(qos, ARGV[4] and 2 or 1)
  if not at then
    subscribe(sid, {})
  elseif qos > 0 then
    found[#found + 1] = { sid, at[2], keep(sid, ARGV[2 + qos], tonumber(ARGV[2]), at), qos }
  end
end
return found`;

/** Returns id, JSON, state, id, JSON, state, ... in order. */
export const UNACKNOWLEDGED = `${COMMON}
local found = {}
for _, id in ipairs(redis.call('ZRANGE', P .. 'po:' .. ARGV[1], 0, -1)) do
  local text = redis.call('HGET', P .. 'p:' .. ARGV[1], id)
  found[#found + 1] = id
  found[#found + 1] = text
  found[#found + 1] = text == '' and 'received' or redis.call('SISMEMBER', P .. 'pn:' .. ARGV[1], id) == 1 and 'new' or 'sent'
end
redis.call('DEL', P .. 'pn:' .. ARGV[1])
return found`;

/** ARGV: sid, id. */
export const PUSH_RECEIVED = `${COMMON}
if redis.call('HEXISTS', P .. 'p:' .. ARGV[1], ARGV[2]) == 1 then redis.call('HSET', P .. 'p:' .. ARGV[1], ARGV[2], '') end
return 1`;

/** ARGV: sid, id. */
export const ACKNOWLEDGE = `${COMMON}
redis.call('HDEL', P .. 'p:' .. ARGV[1], ARGV[2])
redis.call('ZREM', P .. 'po:' .. ARGV[1], ARGV[2])
redis.call('SREM', P .. 'pn:' .. ARGV[1], ARGV[2])
return 1`;

/** ARGV: sid, id, gate, limit. */
export const RECEIVING = `${COMMON}
local key = P .. 'r:' .. ARGV[1]
if redis.call('EXISTS', P .. 's:' .. ARGV[1]) == 0 then return 'new' end
local by = redis.call('HGET', key, ARGV[2])
if by and (by == '' or by == ARGV[3] or lives(by)) then return 'known' end
if not by and redis.call('HLEN', key) >= tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', key, ARGV[2], ARGV[3])
return 'new'`;

/** ARGV: sid, id. */
export const RECEIVED = `${COMMON}
if redis.call('HEXISTS', P .. 'r:' .. ARGV[1], ARGV[2]) == 1 then redis.call('HSET', P .. 'r:' .. ARGV[1], ARGV[2], '') end
return 1`;

/** ARGV: sid, id. */
export const RELEASED = `${COMMON} return redis.call('HDEL', P .. 'r:' .. ARGV[1], ARGV[2])`;

/** ARGV: topic, JSON, most messages, most bytes; an empty JSON forgets it. Returns 0 when there is no room. */
export const RETAIN = `${COMMON}
local topic, text = ARGV[1], ARGV[2]
local old = redis.call('HSTRLEN', P .. 'retained', topic)
if old > 0 then old = old + #topic end
if text == '' then
  redis.call('HDEL', P .. 'retained', topic)
  redis.call('DECRBY', P .. 'rb', old)
  return 1
end
local more = #text + #topic - old
if tonumber(redis.call('GET', P .. 'rb') or '0') + more > tonumber(ARGV[4]) then return 0 end
if old == 0 and redis.call('HLEN', P .. 'retained') >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', P .. 'retained', topic, text)
redis.call('INCRBY', P .. 'rb', more)
return 1`;

/** ARGV: a topic, or none for all. */
export const RETAINED = `${COMMON}
if ARGV[1] == nil then return redis.call('HVALS', P .. 'retained') end
local text = redis.call('HGET', P .. 'retained', ARGV[1])
return text and { text } or {}`;
