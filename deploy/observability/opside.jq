# Searches in the services' logs, one JSON object a line:
#   jq -L deploy/observability 'include "opside"; failed_requests' main-api.log

# One request, everywhere.
def request($id): select(.requestId == $id);

# What failed on our side.
def failed_requests: select(.logger == "opside.access" and .status >= 500);

# Deliveries of providers that were refused.
def refused_webhooks:
  select(.logger == "opside.access" and .status >= 400 and (.path | test("webhook")));

# Jobs that failed, and why.
def failed_jobs: select(.message == "job failed") | {time, kind, jobId, failures, exception};

# Charging and paying out.
def money_jobs: select(.kind == "collect_commission" or .kind == "transfer_share");

# Postgres was away.
def database_away: select(.message | test("database is away|could not sweep"));

# Redis was away.
def redis_away: select(.message | test("redis is away|counted locally"));
