# Why this file exists: what the programs are set up to do while they are measured. One entry of
# the table at the end is one scenario: its name, how many backends stand behind it, one
# configuration per program on equal footing, and which measures are taken of it.
"""The scenarios and their configurations."""

from dataclasses import dataclass

# Equal footing: keep-alive on both sides with a pool that never runs dry, one worker, no access
# log, one route, Host kept, X-Forwarded-For and a request id added, bodies streamed.

PLAIN_GATEWAY = """\
listeners:
  - address: 127.0.0.1:{port}
admin: none
workers: 1
limits:
  connections: 16384
  body_size: none
logging:
  level: warning
  access:
    output: none
services:
  bench:
    backends:
      - 127.0.0.1:{backend}
    connections:
      idle: 2048
routes:
  - match:
      path: /*
    service: bench
"""

PLAIN_NGINX = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr error;
worker_rlimit_nofile 20000;
events {{
  worker_connections 16384;
}}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 1000000000;
  keepalive_time 24h;
  client_max_body_size 0;
  proxy_request_buffering off;
  proxy_max_temp_file_size 0;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Request-ID $request_id;
  upstream bench {{
    server 127.0.0.1:{backend};
    keepalive 2048;
    keepalive_requests 1000000000;
    keepalive_time 24h;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://bench;
    }}
  }}
}}
"""

PLAIN_HAPROXY = """\
global
  nbthread 1
  maxconn 12000
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 75s
  timeout http-keep-alive 75s
  option forwardfor
  http-reuse always
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend bench
backend bench
  server one 127.0.0.1:{backend} pool-max-conn 2048 pool-purge-delay 1h
"""

PLAIN_ENVOY = """\
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.\
http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          use_remote_address: true
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: "/"}}
                route: {{cluster: bench, timeout: 0s}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: bench
    connect_timeout: 5s
    type: STATIC
    circuit_breakers:
      thresholds:
      - {{max_connections: 4096, max_pending_requests: 4096, max_requests: 4096}}
    load_assignment:
      cluster_name: bench
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{socket_address: {{address: 127.0.0.1, port_value: {backend}}}}}
"""


def many_routes(place):
  """Ten thousand routes. The request that is measured has to pass a hundred of them that ask for
  a field, on its own path, before it finds the one that takes it."""
  routes = [
    f"  - {{match: {{host: h{i}.example.com, path: /b/*}}, service: bench}}" for i in range(5000)]
  routes += [f"  - {{match: {{path: /b{i}/x/*}}, service: bench}}" for i in range(4899)]
  routes += [
    f"  - {{match: {{path: /b/*, headers: {{X-Tenant: t{i}}}}}, service: bench}}"
    for i in range(100)]
  routes.append("  - {match: {path: /b/*}, service: bench}")
  plain = filled(PLAIN_GATEWAY)(place)
  return plain[:plain.index("routes:")] + "routes:\n" + "\n".join(routes) + "\n"


def guarded(place):
  """A service that is watched: evidence from traffic, a breaker, warm-up."""
  plain = filled(PLAIN_GATEWAY)(place)
  guards = "    health:\n      passive: {}\n    circuit_breaker: {}\n    warm_up: 10s\n"
  return plain.replace("routes:\n", guards + "routes:\n")


def limited(place):
  """One limit with room for a million keys, told in every answer; nobody comes near it."""
  plain = filled(PLAIN_GATEWAY)(place)
  limit = (
    "rate_limits:\n  agents: {rate: 1000000/s, key: header:User-Agent, max_keys: 1000000}\n")
  return plain.replace("routes:\n", limit + "routes:\n") + "    rate_limits: [agents]\n"


# What an operator switches on who wants all of it; nothing of it refuses a request.
EVERYTHING_GATEWAY = """\
listeners:
  - address: 127.0.0.1:{port}
admin: none
workers: 1
limits:
  connections: 16384
  loop_lag: 1s
  memory: 4GiB
trusted_proxies: [10.0.0.0/8]
logging:
  level: warning
  access:
    output: {directory}/access.log
rate_limits:
  clients: {{rate: 50000/s, key: client_ip}}
services:
  bench:
    backends:
      - 127.0.0.1:{backend}
    connections:
      idle: 2048
    retries:
      attempts: 2
      when: [connect, reused_reset, reset, timeout, "502", "503", "504"]
    health:
      active: none
      passive: {{}}
    circuit_breaker:
      slow_call: 5s
    warm_up: 10s
routes:
  - match:
      path: /*
    service: bench
    rate_limits: [clients]
"""

# Nobody has to listen there: what is measured is what a request pays.
TRACED_GATEWAY = EVERYTHING_GATEWAY.replace("services:", """\
tracing: {{export: "http://127.0.0.1:9/v1/traces", sample: 1%}}
services:""", 1)


def filled(template):
  """A configuration that needs nothing but ports and its directory."""
  return lambda place: template.format(
    port=place.port, backend=place.backends[0], directory=place.directory)


# A pool of so many backends, all of them one program on as many addresses.
BALANCER_GATEWAY = """\
listeners:
  - address: 127.0.0.1:{port}
admin: none
workers: 1
limits:
  connections: 16384
logging:
  level: warning
  access:
    output: none
services:
  bench:
    balancer: {policy}
    backends:
{backends}
routes:
  - match:
      path: /*
    service: bench
"""


def balancer_gateway(policy, count):
  """Weights from 1 to 3, so that no table is simpler than it would be; round robin has none."""
  def config(place):
    lines = []
    for number in range(count):
      high, low = divmod(number + 1, 256)
      weight = 1 if policy == "round_robin" else 1 + number % 3
      address = f"127.0.{high}.{low}:{place.backends[0]}"
      lines.append(f"      - {{address: \"{address}\", weight: {weight}}}")
    return BALANCER_GATEWAY.format(port=place.port, policy=policy, backends="\n".join(lines))
  return config


@dataclass(frozen=True)
class Scenario:
  name: str
  title: str
  configs: dict                  # program name -> place -> configuration text
  measures: tuple                # of MEASURES in bench/run
  backends: int = 1
  addresses: int = 1             # of each backend: each is one to a balancer

  def takes(self, program):
    """Without a configuration of its own a program sits this scenario out; the relay has none."""
    return program.config_file is None or program.name in self.configs


SCENARIOS = {scenario.name: scenario for scenario in (
  Scenario(
    "plain", "one plain route, metrics and trace id on, no access log",
    {
      "gateway": filled(PLAIN_GATEWAY), "nginx": filled(PLAIN_NGINX),
      "haproxy": filled(PLAIN_HAPROXY), "envoy": filled(PLAIN_ENVOY),
    },
    ("counts", "cpu", "latency", "bodies", "memory", "startup")),
  Scenario(
    "guarded", "health from traffic, breaker and warm-up on; otherwise as plain",
    {"gateway": guarded}, ("counts",)),
  Scenario(
    "routes", "10,000 routes by host, path and field; otherwise as plain",
    {"gateway": many_routes}, ("counts",)),
  Scenario(
    "everything", "every policy on, a rate limit told in every answer, access log to a file",
    {"gateway": filled(EVERYTHING_GATEWAY)}, ("counts",)),
  Scenario(
    "traced", "the same, and every hundredth trace exported",
    {"gateway": filled(TRACED_GATEWAY)}, ("counts",)),
  Scenario(
    "limits", "a rate limit with room for 1,000,000 keys, one request in flight",
    {"gateway": limited}, ("limits",)),
  Scenario(
    "reload", "a file of 10,000 routes is replaced under about half of the load that it takes",
    {"gateway": many_routes}, ("reload",)),
  Scenario(
    "scrape", "1,000 routes and 1,000 backends are scraped under about half of the load that it takes",
    {"gateway": filled(PLAIN_GATEWAY)}, ("scrape",), addresses=1000),
  Scenario(
    "balancers", "each balancer, few and many backends, one request in flight",
    {"gateway": balancer_gateway("round_robin", 1)}, ("balancers",), addresses=1000),
)}
