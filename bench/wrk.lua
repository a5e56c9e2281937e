-- What wrk is told and says: `wrk … -s wrk.lua URL -- DELAY [HOST…]`.
-- DELAY: milliseconds between an answer and the next request of a connection, 0 for none. HOSTs: requested in
-- turn; none for that of the URL. Ends with one line of JSON.

local requests, at = {}, 0

function init(arguments)
  local pause = tonumber(arguments[1])
  if pause > 0 then
    -- Around the mean, so that connections do not march in step.
    delay = function() return math.random(0, 2 * pause) end
  end
  for number = 2, #arguments do
    requests[number - 1] = wrk.format("GET", nil, { ["Host"] = arguments[number] })
  end
  if #requests > 0 then
    request = function()
      at = at % #requests + 1
      return requests[at]
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50": %.1f, "p99": %.1f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
