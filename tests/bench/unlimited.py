"""`callbox` without a limit on calls a minute, for benches that make more of them than a device
admits.

python -m tests.bench.unlimited run --config FILE

Nothing else differs: the limiter counts and forgets as always.
"""

from __future__ import annotations

from agent.__main__ import main
from agent.core.policy.rate_limiter import RateLimiter
from tests.bench import leftovers

ENOUGH = 1_000_000

if __name__ == "__main__":
    RateLimiter.__init__.__defaults__ = (ENOUGH, ENOUGH, 60.0)
    leftovers.listen()
    main()
