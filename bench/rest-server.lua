-- The requests of bench/rest-server.sh, to either server.
-- Arguments: ours|theirs  load|exists|list|store|delete  PATH-OF-THE-REPOSITORY  FILE-OF-NAMES  [AUTHORIZATION]
local Size = 1024
local ReadNames = 1000
local Methods = { load = "GET", exists = "HEAD", list = "GET", store = "POST", delete = "DELETE" }

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, microseconds; } moment; int gettimeofday(moment *, void *);")

local requests, position = {}, 0
local idle, thread
local isRead
began, ended = nil, nil  -- global, so that done() can get them

local function now()
  local moment = ffi.new("moment")
  ffi.C.gettimeofday(moment, nil)
  return tonumber(moment.seconds) + tonumber(moment.microseconds) / 1e6
end

-- Requests are made in advance, so that wrk leaves the processors to the servers.
function init(arguments)
  local server, operation, repository, file, authorization = unpack(arguments)
  local isOurs = server == "ours"
  isRead = operation ~= "store" and operation ~= "delete"
  wrk.headers["Accept"] = isOurs and "application/vnd.x.borgstore.rest.v1" or "application/vnd.x.restic.rest.v2"
  if authorization ~= "" then wrk.headers["Authorization"] = authorization end
  if operation == "list" then
    requests[1] = wrk.format("GET", repository .. "/data/" .. (isOurs and "?cmd=tree" or ""))
    return
  end

  local names = {}
  for name in io.lines(file) do names[#names + 1] = name end
  local function path(name) return repository .. "/data/" .. (isOurs and name:sub(1, 2) .. "/" or "") .. name end

  if isRead then
    math.randomseed(1)
    for i = 1, ReadNames do requests[i] = wrk.format(Methods[operation], path(names[math.random(#names)])) end
    return
  end
  idle = wrk.format("HEAD", path(names[1]))
  for number, name in ipairs(names) do
    local body
    if operation == "store" then
      -- Their server compares the hash with the name, ours with a header.
      if isOurs then wrk.headers["X-Content-hash-sha256"] = name end
      body = tostring(number)
      body = body .. (" "):rep(Size - #body)
    end
    requests[number] = wrk.format(Methods[operation], path(name), nil, body)
  end
end

function request()
  position = position + 1
  -- The first one is only looked at by wrk.
  if position == 2 then began = now() end
  if position <= #requests then return requests[position] end
  if isRead then
    position = 1
    return requests[1]
  end
  ended = ended or now()
  wrk.thread:stop()
  return idle
end

function setup(only)
  thread = only
end

function done(summary)
  local last = thread:get("ended")
  if last then print(("Requests/sec: %d until all values were used"):format(summary.requests / (last - thread:get("began")))) end
end
