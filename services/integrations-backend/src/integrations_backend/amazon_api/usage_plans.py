"""Amazon's usage plans as data: how often one application may call one operation for one seller."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

SPARE_TOKENS = 1.0
"""Of each burst one token is left to Amazon: two calls may come there closer than they were sent."""
OWN_PACE = 0.98
"""Of each rate, since "0.0167" may stand for one a minute, and clocks run differently."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A token bucket that holds `burst` calls and gets `rate_per_second` back."""

    rate_per_second: float
    burst: float

    def scaled(self, factor: float) -> "Plan":
        """The pace that we keep where Amazon tells `factor` times the default rate.

        Amazon tells the rate alone; its burst is taken to have changed with it. Where it has not, one
        refused call empties the bucket.
        """
        burst = self.burst * factor
        return Plan(self.rate_per_second * factor * OWN_PACE, max(1.0, burst - SPARE_TOKENS))


def _read() -> Mapping[str, Plan]:
    text = files("integrations_backend.amazon_api").joinpath("usage_plans.json").read_text("utf-8")
    return {
        operation: Plan(float(plan["rate_per_second"]), float(plan["burst"]))
        for operation, plan in json.loads(text)["plans"].items()
    }


PLANS = _read()
"""Operation -> its default plan. An operation without one cannot be called."""
