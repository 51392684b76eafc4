-- The governor of a fleet: the same rules as governor.py, kept by Redis, in one script.
--
-- KEYS[1]  the namespace as a hash tag, such as {bingx}; every key of the namespace begins with it.
-- ARGV[1]  msgpack: {process, run, generation, lease, lanes, operations}; see courier.py.
-- Returns  msgpack: {now, generation, is the process new, results, news for it}.
--
-- Times are whole microseconds of Redis' own clock, which is the only one. What is kept:
--
--   {ns}:book            hash    run, since, quiet, lease, seq: of the whole namespace
--   {ns}:closed          hash    gate -> until: what the exchange has shut
--   {ns}:strikes         hash    gate -> packed {times, until}: refusals that named no time
--   {ns}:below:GATE      zset    gate -> until: refusals that point to something larger
--   {ns}:counts          hash    "refused GATE", "elsewhere GATE" -> how many
--
--   and under {ns}:SINCE:, so that each life of the server begins with nothing:
--
--   out:BUCKET           zset    id of a permit -> when its token comes back
--   taken:BUCKET         string  how many tokens were taken so far
--   pace:BUCKET          hash    level, at: a leaky bucket that smooths a group's quota
--   queue:LANE           zset    id of a waiter -> rank; lower goes first
--   lane:LANE            hash    def, at (the bucket where it is parked), moves
--   parked:BUCKET        zset    lane -> the rank of its head
--   claims               hash    bucket -> the lane that claims its last token
--   due                  zset    bucket -> when it is worth looking at again
--   watcher:BUCKET       string  the process that looks then
--   alive                zset    process -> when it was last heard of
--   buckets, lanes       sets    what snapshot has to look at

local SECOND = 1000000
local PRIORITY = 1099511627776 -- 2^40: a rank is -priority * 2^40 + ticket
local MOST_GRANTS = 200        -- in one call, so that nobody else has to wait for long
local MOST_DROPS = 2000
local HEARD_OF = 3 * SECOND    -- a process that was not, for so long, gets nothing
local OVERDUE = SECOND / 20    -- whoever comes then does what a watcher did not
local SHARE = 20               -- as in bucket.py
local PACED_FROM = 100
local MOST_HELD = 1000
local PENALTY, LONGEST, MEMORY = 300 * SECOND, 3600 * SECOND, 600 * SECOND -- as in refusals.py
local DAY = 86400000           -- milliseconds

local call = redis.call
local NS = KEYS[1]
local me, run, known_generation, lease, definitions, operations = unpack(cmsgpack.unpack(ARGV[1]))
local time = call('TIME')
local now = time[1] * SECOND + time[2]

-- The book. Another run than the last means that the server was restarted, or is another one: what
-- it has may be old or gone, so that it begins anew and grants nothing until all that may have been
-- under way has left every window.

local book = NS .. ':book'
local book_run, since, quiet, longest_lease = unpack(
  call('HMGET', book, 'run', 'since', 'quiet', 'lease'))
if book_run ~= run then
  since, quiet = string.format('%.0f', now), false
  call('HSET', book, 'run', run, 'since', since)
  call('HDEL', book, 'quiet', 'seq')
end
call('PEXPIRE', book, 30 * DAY)
longest_lease = tonumber(longest_lease or 0)
if lease > longest_lease then -- the longest of this process; also after Redis has forgotten it
  longest_lease = lease
  call('HSET', book, 'lease', lease)
end
local G = NS .. ':' .. since .. ':'
local opened = quiet and 0 or tonumber(since)
local is_current = known_generation == since

-- News for processes: who was granted what, and who looks at which bucket next.

local news = {}

local function news_for(process)
  local its = news[process]
  if not its then
    its = { grants = {}, watches = {} }
    news[process] = its
  end
  return its
end

local function channel(process)
  return NS .. ':to:' .. process
end

local is_new = not call('ZSCORE', G .. 'alive', me)
call('ZADD', G .. 'alive', now, me)
call('PEXPIRE', G .. 'alive', DAY)
local alive = { [me] = true }

local function is_alive(process)
  if alive[process] == nil then
    local heard = call('ZSCORE', G .. 'alive', process)
    alive[process] = heard and now - heard <= HEARD_OF
      and call('PUBSUB', 'NUMSUB', channel(process))[2] > 0
  end
  return alive[process]
end

-- An id is "process:number:lease".

local function owner(id)
  return string.match(id, '^(.-):')
end

local function lease_of(id)
  return tonumber(string.match(id, '(%d+)$'))
end

-- Buckets. What is read of one is kept until the end of the call, as the time stands still in it.

local shut = {}
local shut_list = call('HGETALL', NS .. ':closed')
for i = 1, #shut_list, 2 do
  local ends = tonumber(shut_list[i + 1])
  if ends > now then
    shut[shut_list[i]] = ends
  else
    call('HDEL', NS .. ':closed', shut_list[i])
  end
end

local function close(gate, till)
  shut[gate] = math.max(shut[gate] or 0, till)
  call('HSET', NS .. ':closed', gate, shut[gate])
  call('PEXPIRE', NS .. ':closed', DAY)
  return shut[gate]
end

local buckets = {}

local function make_bucket(definition)
  local id, gate, tokens, period, paced = unpack(definition)
  local b = buckets[id]
  if not b then
    b = { id = id, gate = gate, tokens = tokens, period = period, is_gate = tokens == 0 }
    b.out, b.parked = G .. 'out:' .. id, G .. 'parked:' .. id
    b.paced = paced and tokens >= PACED_FROM
    b.paced_below = b.paced and tokens - math.floor(tokens / SHARE) or 0
    buckets[id] = b
  end
  return b
end

local function count_free(b)
  if b.free == nil then
    if b.is_gate then
      b.free = math.huge
    else
      call('ZREMRANGEBYSCORE', b.out, '-inf', now)
      b.free = b.tokens - call('ZCARD', b.out)
    end
  end
  return b.free
end

local function opens(b)
  local at = shut[b.gate] or 0
  if opened > 0 and not b.is_gate then
    at = math.max(at, opened + longest_lease + b.period)
  end
  return at
end

local function is_waited_for(b)
  if b.waited_for == nil then
    b.waited_for = call('ZCARD', b.parked) > 0
  end
  return b.waited_for
end

-- Pacing: a leaky bucket of a twentieth of the quota, once a twentieth is out.

local function level(b)
  if b.level == nil then
    local had, at = unpack(call('HMGET', G .. 'pace:' .. b.id, 'level', 'at'))
    local leaked = (now - (at or now)) * b.tokens / b.period
    b.level = math.max(0, (had or 0) - leaked)
  end
  return b.level
end

local function overflow(b) -- microseconds until one more fits
  if not b.paced or count_free(b) > b.paced_below then
    return 0
  end
  return math.max(0, level(b) + 1 - b.tokens / SHARE) * b.period / b.tokens
end

-- Lanes.

local lanes = {}

local function make_lane(id, definition)
  local lane = lanes[id]
  if not lane then
    lane = { id = id, queue = G .. 'queue:' .. id, book = G .. 'lane:' .. id, buckets = {} }
    lane.definition = definition
    for i, each in ipairs(definition[2]) do
      lane.buckets[i] = make_bucket(each)
    end
    lane.gates = definition[3]
    lanes[id] = lane
  end
  return lane
end

local function find_lane(id)
  if not lanes[id] then
    local packed = call('HGET', G .. 'lane:' .. id, 'def')
    if not packed then
      return nil
    end
    make_lane(id, cmsgpack.unpack(packed))
  end
  return lanes[id]
end

local function head_of(lane)
  local head = call('ZRANGE', lane.queue, 0, 0, 'WITHSCORES')
  return head[1], tonumber(head[2])
end

-- A claim leaves the last token to a lane that was passed over, unless one of its buckets is shut.

local claims_read = nil

local function claims() -- bucket -> lane; nearly always empty
  if not claims_read then
    claims_read = {}
    local list = call('HGETALL', G .. 'claims')
    for i = 1, #list, 2 do
      claims_read[list[i]] = list[i + 1]
    end
  end
  return claims_read
end

local function claim(b, lane)
  claims()[b.id] = lane and lane.id
  if lane then
    call('HSET', G .. 'claims', b.id, lane.id)
    call('PEXPIRE', G .. 'claims', DAY)
  else
    call('HDEL', G .. 'claims', b.id)
  end
end

local function is_claimed(b, rank)
  local by = claims()[b.id]
  if not by or count_free(b) > 1 then
    return false
  end
  local lane, first = find_lane(by), nil
  if lane then
    first = select(2, head_of(lane))
  end
  if not first then
    claim(b, nil)
    return false
  end
  if first >= rank then
    return false
  end
  for _, other in ipairs(lane.buckets) do
    if opens(other) > now then
      return false
    end
  end
  return true
end

local function has_token(b, rank)
  return opens(b) <= now and count_free(b) >= 1 and overflow(b) == 0 and not is_claimed(b, rank)
end

local function blocker_of(lane, rank)
  for _, b in ipairs(lane.buckets) do
    if not has_token(b, rank) then
      return b
    end
  end
end

local function take(lane, id)
  local lease = lease_of(id)
  for _, b in ipairs(lane.buckets) do
    if not b.is_gate then
      if b.paced and b.free <= b.paced_below then
        b.level = level(b) + 1
        call('HSET', G .. 'pace:' .. b.id, 'level', b.level, 'at', now)
        call('PEXPIRE', G .. 'pace:' .. b.id, DAY)
      end
      if b.free == b.tokens then
        call('SADD', G .. 'buckets', cmsgpack.pack({ b.id, b.gate, b.tokens, b.period, b.paced }))
      end
      b.free = b.free - 1
      call('ZADD', b.out, now + lease + b.period, id)
      call('PEXPIRE', b.out, math.ceil((lease + 2 * b.period) / 1000) + 1000)
    end
  end
  call('PEXPIRE', G .. 'buckets', DAY)
  -- How many tokens of the first bucket had come back when this one was taken.
  local first, returned = lane.buckets[1], 0
  if first and not first.is_gate then
    local taken = call('INCR', G .. 'taken:' .. first.id)
    call('PEXPIRE', G .. 'taken:' .. first.id, DAY)
    returned = taken - (first.tokens - first.free)
  end
  return returned
end

-- Waiting. A lane that must wait is parked at one bucket that blocks it.

local function next_token(b)
  local when = opens(b)
  if b.is_gate then
    return math.max(when, now)
  end
  local senior = call('ZRANGE', b.parked, 0, 0, 'WITHSCORES')
  if count_free(b) >= 1 and not is_claimed(b, tonumber(senior[2])) then
    when = math.max(when, now + overflow(b))
  else
    local soonest = call('ZRANGE', b.out, 0, 0, 'WITHSCORES')
    when = math.max(when, tonumber(soonest[2] or now + b.period), now + overflow(b))
  end
  return math.ceil(when)
end

-- Note when a bucket is worth looking at, and who looks: the owner of the head that is next.
local function look_again(b)
  local senior = call('ZRANGE', b.parked, 0, 0)[1]
  local lane = senior and find_lane(senior)
  local head = lane and head_of(lane)
  b.waited_for = senior ~= nil
  if not head then
    call('ZREM', G .. 'due', b.id)
    call('DEL', G .. 'watcher:' .. b.id)
    return
  end
  local when, who = next_token(b), owner(head)
  local had, watcher = call('ZSCORE', G .. 'due', b.id), call('GET', G .. 'watcher:' .. b.id)
  if tonumber(had or 0) ~= when or watcher ~= who then
    call('ZADD', G .. 'due', when, b.id)
    call('PEXPIRE', G .. 'due', 7 * DAY)
    call('SET', G .. 'watcher:' .. b.id, who, 'PX', 7 * DAY)
    table.insert(news_for(who).watches, { b.id, when })
  end
end

local function park(lane, b, rank)
  call('HSET', lane.book, 'at', b.id)
  call('ZADD', b.parked, rank, lane.id)
  call('PEXPIRE', b.parked, 7 * DAY)
  b.waited_for = true
end

local function bucket_of(lane, id)
  for _, b in ipairs(lane.buckets) do
    if b.id == id then
      return b
    end
  end
end

local function release_claim(lane)
  for _, b in ipairs(lane.buckets) do
    if claims()[b.id] == lane.id then
      claim(b, nil)
    end
  end
end

local function stake_claim(lane, rank)
  for _, b in ipairs(lane.buckets) do
    local by = claims()[b.id]
    local other = by and by ~= lane.id and find_lane(by)
    if other then
      local first = select(2, head_of(other))
      if first and first < rank then
        return
      end
      release_claim(other)
    end
  end
  for _, b in ipairs(lane.buckets) do
    if not b.is_gate then
      claim(b, lane)
    end
  end
end

-- The head of a lane is gone: the next one stands where it stood, or the lane is empty.
local function advance(lane)
  local at = call('HGET', lane.book, 'at')
  local b = at and bucket_of(lane, at)
  local head, rank = head_of(lane)
  release_claim(lane)
  if head then
    call('HSET', lane.book, 'moves', 0)
    if b then
      call('ZADD', b.parked, rank, lane.id)
      call('PEXPIRE', b.parked, 7 * DAY)
    end
  else
    if b then
      call('ZREM', b.parked, lane.id)
      b.waited_for = nil
    end
    call('DEL', lane.book)
    call('SREM', G .. 'lanes', lane.id)
  end
  return b
end

local granted, dropped = 0, 0

-- Grant to those parked at a bucket while it has tokens.
local function serve(b)
  while granted < MOST_GRANTS and dropped < MOST_DROPS do
    local senior = call('ZRANGE', b.parked, 0, 0)[1]
    if not senior then
      break
    end
    local lane = find_lane(senior)
    local head, rank = nil, nil
    if lane then
      head, rank = head_of(lane)
    end
    if not head then
      call('ZREM', b.parked, senior)
    elseif not is_alive(owner(head)) then
      call('ZREM', lane.queue, head)
      dropped = dropped + 1
      advance(lane)
    else
      local blocker = blocker_of(lane, rank)
      if blocker == b then
        break
      elseif blocker then
        call('ZREM', b.parked, lane.id)
        local moves = call('HINCRBY', lane.book, 'moves', 1)
        if moves > #lane.buckets then
          stake_claim(lane, rank)
        end
        park(lane, blocker, rank)
        look_again(blocker)
      else
        local returned = take(lane, head)
        granted = granted + 1
        call('ZREM', lane.queue, head)
        advance(lane)
        table.insert(news_for(owner(head)).grants, { head, returned })
      end
    end
  end
  look_again(b)
end

local function forget_waiters(id, process)
  local lane = find_lane(id)
  local head = lane and head_of(lane)
  local cursor = head and '0'
  while cursor do
    local part = call('ZSCAN', G .. 'queue:' .. id, cursor, 'MATCH', process .. ':*', 'COUNT', 1000)
    for i = 1, #part[2], 2 do
      call('ZREM', lane.queue, part[2][i])
    end
    cursor = part[1] ~= '0' and part[1]
  end
  if head and owner(head) == process then
    local b = advance(lane)
    if b then
      serve(b)
    end
  end
end

-- Forget processes that are dead, and who of theirs waits; tell whether there were any.
local function bury_the_dead()
  local found = false
  for _, process in ipairs(call('ZRANGE', G .. 'alive', 0, -1)) do
    if not is_alive(process) then
      found = true
      call('ZREM', G .. 'alive', process)
      for _, id in ipairs(call('SMEMBERS', G .. 'lanes')) do
        forget_waiters(id, process)
      end
    end
  end
  return found
end

local function serve_if_waited_for(b)
  if is_waited_for(b) then
    serve(b)
  end
end

-- When somebody is served at the earliest who has so many before them, and the bucket that binds.
local function earliest(lane, ahead)
  local latest, binds = now, lane.buckets[1]
  for _, b in ipairs(lane.buckets) do
    local when = now
    if not b.is_gate then
      local rounds = math.floor(ahead / b.tokens)
      local place = ahead - rounds * b.tokens - math.max(0, count_free(b))
      if place >= 0 then
        local back = call('ZRANGE', b.out, place, place, 'WITHSCORES')[2]
        when = math.min(tonumber(back or now + b.period), now + b.period)
      end
      when = when + rounds * b.period
    end
    when = math.max(when, opens(b))
    if when > latest then
      latest, binds = when, b
    end
  end
  return latest, binds
end

local function enqueue(lane, id, rank)
  if call('EXISTS', lane.book) == 0 then
    call('HSET', lane.book, 'def', cmsgpack.pack(lane.definition), 'moves', 0)
    call('SADD', G .. 'lanes', lane.id)
  end
  call('PEXPIRE', G .. 'lanes', 7 * DAY)
  call('PEXPIRE', lane.book, 7 * DAY)
  call('ZADD', lane.queue, rank, id)
  call('PEXPIRE', lane.queue, 7 * DAY)
  if call('ZRANK', lane.queue, id) > 0 then
    return
  end
  release_claim(lane)
  local at = call('HGET', lane.book, 'at')
  local b = at and bucket_of(lane, at)
  if not b then
    b = blocker_of(lane, rank)
    for _, each in ipairs(lane.buckets) do
      if not b and is_waited_for(each) then
        b = each
      end
    end
    b = b or lane.buckets[1]
  end
  call('HSET', lane.book, 'moves', 0)
  park(lane, b, rank)
  serve(b)
end

-- Operations: each returns its result.

local operate = {}

-- Ask for a permit: {number, priority, lease, most microseconds to wait or -1}.
function operate.enter(lane, number, priority, lease, patience)
  local id = me .. ':' .. number .. ':' .. string.format('%.0f', lease)
  local newest = (1 - priority) * PRIORITY
  local is_free = call('ZCARD', lane.queue) == 0
  for _, b in ipairs(lane.buckets) do
    is_free = is_free and not is_waited_for(b) and has_token(b, newest)
  end
  if is_free then
    return { 'granted', id, take(lane, id) }
  end
  local ahead = call('ZCOUNT', lane.queue, '-inf', '(' .. string.format('%.0f', newest))
  local when, binds = earliest(lane, ahead)
  if patience >= 0 and when - now > patience then
    if bury_the_dead() then
      return operate.enter(lane, number, priority, lease, patience)
    end
    return { 'late', when - now, binds.gate }
  end
  local rank = -priority * PRIORITY + call('HINCRBY', book, 'seq', 1)
  enqueue(lane, id, rank)
  return { 'waits', rank }
end

local function give_back(lane, id)
  for _, b in ipairs(lane.buckets) do
    if not b.is_gate and call('ZREM', b.out, id) == 1 then
      b.free = nil
      serve_if_waited_for(b)
    end
  end
end

-- Wait no longer: {id}.
function operate.leave(lane, id)
  if call('ZRANK', lane.queue, id) == 0 then
    call('ZREM', lane.queue, id)
    local b = advance(lane)
    if b then
      serve(b)
    end
  elseif call('ZREM', lane.queue, id) == 0 then
    give_back(lane, id) -- it was granted meanwhile
  end
end

-- Wait on, after the connection was lost or the process was thought dead: {id, rank, priority}.
function operate.again(lane, id, rank, priority)
  for _, b in ipairs(lane.buckets) do
    local back = not b.is_gate and call('ZSCORE', b.out, id)
    if back then
      -- When it was granted, not now: its lease has run since then.
      return { 'granted', id, 0, tonumber(back) - lease_of(id) - b.period }
    end
  end
  local had = call('ZSCORE', lane.queue, id)
  if had then
    return { 'waits', tonumber(had) }
  end
  if not is_current or not rank then
    rank = -priority * PRIORITY + call('HINCRBY', book, 'seq', 1)
  end
  enqueue(lane, id, rank)
  return { 'waits', rank }
end

-- The request never left: {id}.
function operate.unsent(lane, id)
  give_back(lane, id)
end

-- Keep tokens for requests that the exchange has counted and nobody sent from here.
local function hold_back(b, foreign)
  if foreign > MOST_HELD then
    close(b.gate, now + b.period)
  else
    for _ = 1, foreign do
      call('ZADD', b.out, now + b.period, 'elsewhere:' .. call('HINCRBY', book, 'seq', 1) .. ':0')
    end
    call('PEXPIRE', b.out, math.ceil(2 * b.period / 1000) + 1000)
    b.free = nil
  end
  local in_all = call('HINCRBY', NS .. ':counts', 'elsewhere ' .. b.gate, foreign)
  call('PEXPIRE', NS .. ':counts', 30 * DAY)
  return in_all
end

-- The response was read: {id, returned when it was granted, requests the exchange leaves or -1,
-- microseconds until its window ends or -1}.
function operate.done(lane, id, returned, remaining, expires)
  local first = lane.buckets[1]
  local result = nil
  -- A book that was begun since the grant knows less than the exchange.
  if is_current and remaining >= 0 and first and not first.is_gate then
    local taken = tonumber(call('GET', G .. 'taken:' .. first.id) or 0)
    local since_then = taken - (first.tokens - count_free(first)) - returned
    local foreign = count_free(first) - remaining - math.max(0, since_then)
    if foreign > 0 then
      result = { foreign, hold_back(first, foreign) }
    end
    if remaining == 0 and expires >= 0 and expires <= 2 * first.period then
      close(first.gate, now + expires)
    end
  end
  for _, b in ipairs(lane.buckets) do
    if not b.is_gate then
      call('ZADD', b.out, 'XX', now + b.period, id)
      if is_waited_for(b) then
        look_again(b)
      end
    end
  end
  return result
end

local function penalty_of(gate, given)
  if given >= 0 then
    return math.min(given, LONGEST)
  end
  local packed = call('HGET', NS .. ':strikes', gate)
  local times, till = 0, 0
  if packed then
    times, till = unpack(cmsgpack.unpack(packed))
  end
  if till + MEMORY <= now then
    times = 0
  end
  local penalty = math.min(PENALTY * 2 ^ times, LONGEST)
  call('HSET', NS .. ':strikes', gate, cmsgpack.pack({ times + 1, now + penalty }))
  call('PEXPIRE', NS .. ':strikes', DAY)
  return penalty
end

-- The exchange refused: {place of the scope among the lane's gates, microseconds or -1}. See
-- refusals.py for what follows from what.
function operate.refused(lane, scope, given)
  local closed = {}
  local gate = lane.gates[scope]
  local till = now + penalty_of(gate, given)
  while true do
    till = close(gate, till)
    table.insert(closed, { gate, till, call('HINCRBY', NS .. ':counts', 'refused ' .. gate, 1) })
    repeat
      scope = scope + 1
    until scope > 3 or lane.gates[scope] ~= gate
    if scope > 3 then
      break
    end
    local below = NS .. ':below:' .. lane.gates[scope]
    call('ZADD', below, till, gate)
    call('ZREMRANGEBYSCORE', below, '-inf', now)
    call('PEXPIRE', below, DAY)
    if call('ZCARD', below) < 2 then
      break
    end
    gate, till = lane.gates[scope], tonumber(call('ZRANGE', below, -1, -1, 'WITHSCORES')[2])
  end
  call('PEXPIRE', NS .. ':counts', 30 * DAY)
  call('PUBLISH', NS .. ':all', cmsgpack.pack({ now, closed }))
  return closed
end

-- Look at a bucket that is due: {bucket}.
function operate.look(_, id)
  local senior = call('ZRANGE', G .. 'parked:' .. id, 0, 0)[1]
  local lane = senior and find_lane(senior)
  local b = lane and bucket_of(lane, id)
  if b then
    serve(b)
  else
    call('ZREM', G .. 'due', id)
  end
end

-- Nobody has sent anything lately, so that there is nothing to wait for: {}.
function operate.idle()
  call('HSET', book, 'quiet', 1)
  opened = 0
end

-- Describe everything: {}.
function operate.snapshot()
  bury_the_dead()
  local waiting = {}
  for _, id in ipairs(call('SMEMBERS', G .. 'lanes')) do
    local lane = find_lane(id)
    if lane then
      local callers = call('ZCARD', lane.queue)
      for _, b in ipairs(lane.buckets) do
        waiting[b.id] = (waiting[b.id] or 0) + callers
      end
    end
  end
  for _, packed in ipairs(call('SMEMBERS', G .. 'buckets')) do
    local b = make_bucket(cmsgpack.unpack(packed))
    if count_free(b) == b.tokens and not waiting[b.id] then
      call('SREM', G .. 'buckets', packed)
    end
    waiting[b.id] = waiting[b.id] or 0
  end
  local seen, states = {}, {}
  local function describe(id, gate, tokens, period, callers, free, back, opens_at)
    local refused, elsewhere = unpack(
      call('HMGET', NS .. ':counts', 'refused ' .. gate, 'elsewhere ' .. gate))
    table.insert(states, {
      id, gate, tokens, period, callers, free, back, math.max(0, opens_at - now),
      tonumber(refused or 0), tonumber(elsewhere or 0),
    })
    seen[gate] = true
  end
  for id, callers in pairs(waiting) do
    local b = buckets[id]
    if not b.is_gate then
      local back = {}
      local limit = string.format('%.0f', now + b.period)
      local scores = call('ZRANGEBYSCORE', b.out, '-inf', limit, 'WITHSCORES')
      for i = 2, #scores, 2 do
        back[i / 2] = scores[i] - now
      end
      describe(id, b.gate, b.tokens, b.period, callers, math.max(0, count_free(b)), back, opens(b))
    end
  end
  for gate, ends in pairs(shut) do
    if not seen[gate] then
      describe(gate, gate, 0, 0, waiting[gate] or 0, 0, {}, ends)
    end
  end
  return states
end

-- Work.

if is_new then
  bury_the_dead()
end
local results = {}
for place, operation in ipairs(operations) do
  local name, lane, arguments = unpack(operation)
  local definition = definitions[lane]
  local its = definition and make_lane(definition[1], definition)
  results[place] = operate[name](its, unpack(arguments)) or false
end

local late = string.format('%.0f', now - OVERDUE)
for _, id in ipairs(call('ZRANGEBYSCORE', G .. 'due', '-inf', late, 'LIMIT', 0, 10)) do
  operate.look(nil, id)
end

local mine = news[me] or { grants = {}, watches = {} }
for process, its in pairs(news) do
  if process ~= me then
    call('PUBLISH', channel(process), cmsgpack.pack({ now, its.grants, its.watches }))
  end
end
return cmsgpack.pack({ now, since, is_new, results, { mine.grants, mine.watches } })
