"""Health and metrics: what probes, scrapers and operators see."""

import re

import pytest

from harness import EXIT_CONFIG, ROOT, run_ferry

CONFIG = """
pools:
  default: {threads: 2}
  mail: {threads: 1}
workers:
  mailer: {use: email}
routes:
  /noop: {worker: noop}
  /"quoted": {worker: noop}
  /email: {worker: mailer, pool: mail, methods: [POST], mode: defer}
"""

# As docs and dashboards know them; the process_* ones are the Prometheus clients' standard.
PROMISED = {
    "ferry_requests_total": "counter",
    "ferry_requests_in_flight": "gauge",
    "ferry_request_duration_seconds": "histogram",
    "ferry_pool_threads": "gauge",
    "ferry_pool_busy_threads": "gauge",
    "ferry_pool_queue_depth": "gauge",
    "ferry_pool_queue_limit": "gauge",
    "ferry_pool_wait_seconds": "histogram",
    "ferry_pool_run_seconds": "histogram",
    "ferry_pool_rejected_total": "counter",
    "ferry_stuck_threads": "gauge",
    "ferry_loop_lag_seconds": "histogram",
    "ferry_connections": "gauge",
    "ferry_jobs": "gauge",
    "ferry_job_attempts_total": "counter",
    "ferry_route_queued_jobs": "gauge",
    "ferry_route_late_seconds": "gauge",
    "ferry_route_open": "gauge",
    "ferry_store_wal_bytes": "gauge",
    "ferry_store_failed_total": "counter",
    "ferry_build_info": "gauge",
    "process_cpu_seconds_total": "counter",
    "process_virtual_memory_bytes": "gauge",
    "process_resident_memory_bytes": "gauge",
    "process_open_fds": "gauge",
    "process_max_fds": "gauge",
    "process_start_time_seconds": "gauge",
}

# ---- the text format, read strictly ----

HELP = re.compile(r"# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)")
TYPE = re.compile(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)")
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{({LABEL}(?:,{LABEL})*)\}})?"
                    r" ([+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN)")


class Family:
    def __init__(self, help_text):
        self.help = help_text
        self.type = None
        self.samples = {}  # (name, labels as a sorted tuple): value


def sample_names(name, family):
    if family.type == "histogram":
        return {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return {name}


def parse_metrics(text):
    """Families by name. What the format does not allow fails an assertion."""
    families, name = {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if match := HELP.fullmatch(line):
            name = match[1]
            assert name not in families, f"{name} is there twice"
            families[name] = Family(match[2])
        elif match := TYPE.fullmatch(line):
            assert match[1] == name and families[name].type is None, line
            families[name].type = match[2]
        else:
            match = SAMPLE.fullmatch(line)
            assert match, f"not a sample: {line}"
            family = families[name]
            assert family.type and match[1] in sample_names(name, family), line
            series = match[1], tuple(sorted(re.findall(LABEL, match[2] or "")))
            assert series not in family.samples, f"twice: {line}"
            family.samples[series] = float(match[3])
    return families


def histograms(family, name):
    """Of each series of a histogram: its buckets as (le, value) in the order given, and count."""
    found = {}
    for (sample, labels), value in family.samples.items():
        bound = [label for label in labels if label.startswith("le=")]
        rest = tuple(label for label in labels if not label.startswith("le="))
        entry = found.setdefault(rest, {"buckets": []})
        if sample == f"{name}_bucket":
            entry["buckets"].append((float(bound[0][4:-1]), value))
        else:
            entry[sample] = value
    return found


# ---- without a token ----

@pytest.fixture(scope="module")
def server(serve_module):
    server = serve_module(CONFIG)
    assert server.get("/noop").status == 200
    server.wait_job(server.post_job("/email", {"to": "a@example.org", "subject": "s", "text": "t"}), "succeeded")
    server.wait_metric('ferry_jobs{state="succeeded"}', 1)  # it may be on disk before it is counted
    return server


@pytest.fixture(scope="module")
def families(server):
    return parse_metrics(server.get("/metrics", admin=True).text())


@pytest.mark.parametrize("admin", [False, True], ids=["public", "admin"])
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_answer_on_both_listeners(server, path, admin):
    assert server.get(path, admin=admin).status == 200


def test_metrics_are_for_the_admin_listener_only(server):
    assert server.get("/metrics").status == 404


def test_routes_are_for_the_public_listener_only(server):
    assert server.get("/noop", admin=True).status == 404


def test_metrics_are_prometheus_text(server):
    reply = server.get("/metrics", admin=True)
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_metric_is_there(families, name):
    assert families[name].type == PROMISED[name]
    assert families[name].samples


def test_every_metric_is_in_the_docs(families):
    docs = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    assert [name for name in families if not re.search(rf"\b{name}(_bucket)?\b", docs)] == []


def test_counters_end_in_total_and_others_do_not(families):
    for name, family in families.items():
        assert name.endswith("_total") == (family.type == "counter"), name


def test_buckets_are_cumulative_and_end_with_the_count(families):
    for name, family in families.items():
        if family.type != "histogram":
            continue
        for labels, histogram in histograms(family, name).items():
            bounds = [bound for bound, _ in histogram["buckets"]]
            values = [value for _, value in histogram["buckets"]]
            assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), (name, labels)
            assert values == sorted(values), (name, labels)
            assert values[-1] == histogram[f"{name}_count"], (name, labels)
            assert histogram[f"{name}_sum"] >= 0


def test_requests_are_counted_by_route_method_and_code(families):
    labels = ('code="200"', 'method="GET"', 'route="/noop"')
    assert families["ferry_requests_total"].samples["ferry_requests_total", labels] == 1


def test_a_label_is_escaped(families):
    labels = (r'route="/\"quoted\""',)
    assert ("ferry_requests_in_flight", labels) in families["ferry_requests_in_flight"].samples


def test_jobs_are_counted_by_state(families):
    states = {labels[0]: value for (_, labels), value in families["ferry_jobs"].samples.items()}
    assert set(states) == {f'state="{state}"' for state in (
        "scheduled", "queued", "running", "retrying", "succeeded", "dead", "cancelled")}
    assert states['state="succeeded"'] == 1
    assert sum(states.values()) == 1


def test_attempts_are_counted_by_route(families):
    samples = families["ferry_job_attempts_total"].samples
    assert sum(value for (_, labels), value in samples.items() if 'route="/email"' in labels) == 1


def test_live_calls_are_measured_by_pool(families):
    labels = ('pool="default"',)
    for name in ("ferry_pool_wait_seconds", "ferry_pool_run_seconds"):
        assert histograms(families[name], name)[labels][f"{name}_count"] == 1


# ---- with a token ----

@pytest.fixture(scope="module")
def guarded(tmp_path_factory, serve_module, server):
    folder = tmp_path_factory.mktemp("token")
    token = folder / "token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    return serve_module(f"state: {folder}\nroutes: {{/noop: {{worker: noop}}}}\n",
                        args=["--set", f"admin.token_file={token}"])


@pytest.mark.parametrize("authorization", [
    None, "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crets", "Basic s3cret", "s3cret"])
def test_metrics_without_the_token_are_refused(guarded, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    reply = guarded.get("/metrics", admin=True, headers=headers)
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert "s3cret" not in reply.text() and "ferry_" not in reply.text()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_metrics_are_given_for_the_token(guarded, scheme):
    reply = guarded.get("/metrics", admin=True, headers={"Authorization": f"{scheme} s3cret"})
    assert reply.status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_need_no_token(guarded, path):
    assert guarded.get(path, admin=True).status == 200


def test_the_token_is_not_in_the_log(guarded):
    assert "s3cret" not in guarded.log()


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize("address", ["0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"])
def test_an_admin_listener_off_loopback_needs_a_token(tmp_path, command, address):
    result = run_ferry(command, "--listen", "127.0.0.1:0", "--set", f'admin.listen="{address}"',
                       cwd=tmp_path)
    assert result.returncode == EXIT_CONFIG
    assert "needs a token_file" in result.stderr
    assert "msg=listening" not in result.stderr


def test_an_admin_listener_off_loopback_with_a_token_is_sound(tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret")
    token.chmod(0o600)
    result = run_ferry("check", "--set", "admin.listen=0.0.0.0:0",
                       "--set", f"admin.token_file={token}", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
