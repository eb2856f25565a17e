-- The requests of wrk: -- load|store PREFIX SIZE COUNT AUTHORIZATION. The values to load are stored before.
local names, position = {}, 0
function init(arguments)
  local operation, prefix, size, count, authorization = unpack(arguments)
  wrk.headers["Accept"] = "application/vnd.x.borgstore.rest.v1"
  if authorization and authorization ~= "" then wrk.headers["Authorization"] = authorization end
  local body = operation == "store" and string.rep("x", tonumber(size)) or nil
  for i = 0, tonumber(count) - 1 do
    names[i + 1] = wrk.format(body and "POST" or "GET", string.format("%s/data/w%08x", prefix, i), nil, body)
  end
end
function request()
  position = position % #names + 1
  return names[position]
end
