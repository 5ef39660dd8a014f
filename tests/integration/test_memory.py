"""Without memory: requests are refused, the server lives on, and serves again when there is some."""

import concurrent.futures
import http.client
import resource

import pytest

from harness import SANITIZED, wait_until

CONFIG = """
limits: {{buffered_bytes: 4GiB, body_bytes: 8MiB}}
plugins: [{plugin}]
workers:
  {gate}
pools: {{default: {{threads: 2, queue: 10000}}}}
routes:
  /gate: {{worker: gate, methods: [POST]}}
  /echo: {{worker: echo, methods: [POST]}}
"""
