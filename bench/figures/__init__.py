"""The figures of the comparison, a file for what is measured on the same servers.

Each has FIGURES (what it gives), CONTENDERS, and measure(context) for one round: {figure: {contender:
value}}. They are measured and told in this order.
"""

from figures import (cores, flood, inline, jobs, memory, noop, posts, saturated, sleeps, start,
                     waiting, waves)

ALL = [noop, inline, sleeps, waves, saturated, flood, memory, start, cores, jobs, waiting, posts]
