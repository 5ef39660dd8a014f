"""What docs/from-gearman.md shows of ferry works as it is written there."""

import shlex
import subprocess

import pytest

from documents import blocks, document, run_block, section
from harness import ROOT, run_ferry, wait_until

PAGE = document("docs/from-gearman.md")


@pytest.fixture(scope="module")
def server(serve_module):
    """The page's worker, built by its command and served by its config."""
    text = section(PAGE, "A worker")
    [code] = [code for code in blocks(text, "c") if "FERRY_WORKER" in code]
    [command], [config] = blocks(text, "sh"), blocks(text, "yaml")
    folder = serve_module.folder
    (folder / "reverse.c").write_text(code)
    (folder / "include").symlink_to(ROOT / "include")
    subprocess.run(shlex.split(command), cwd=folder, check=True)
    return serve_module(config)


def test_the_config_is_clean(server):
    result = run_ferry("check", "-c", "ferry.yaml", cwd=server.folder)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_client_gets_what_is_shown(server):
    [block] = blocks(section(PAGE, "A client"), "sh")
    run_block(block, server)


def test_a_key_makes_one_job(server):
    [block] = blocks(section(PAGE, "The same job once"), "sh")
    first, second = run_block(block, server)
    assert first == second


def test_a_key_is_forgotten_with_its_job(server):
    """As the page says of `retention: 1s`."""
    def post():
        return server.request("POST", "/count", body="five!", headers={"Idempotency-Key": "k"})

    server.request("POST", "/routes/pause?route=/count", admin=True)  # so that it does not end
    first = post().headers["Location"]
    assert post().headers["Location"] == first
    server.request("POST", "/routes/resume?route=/count", admin=True)
    wait_until(lambda: server.get(first).status == 410, "the job is forgotten")
    reply = post()
    assert reply.status == 202 and reply.headers["Location"] != first


def test_the_command_that_hands_a_job_on(server):
    """What gearman's worker runs for each job, with the workload as its standard input."""
    [line] = blocks(section(PAGE, "Moving over"), "sh")
    command = shlex.split(line.replace("127.0.0.1:8002", server.address))
    command = command[command.index("--") + 1:]
    result = subprocess.run(command, input=b"a\0b", capture_output=True, check=True)
    assert result.stdout == b"b\0a"


def test_a_route_of_a_higher_priority_goes_first(gate, serve):
    """As the page has it: a route for each priority, of one worker and one pool."""
    [config] = blocks(section(PAGE, "A worker"), "yaml")
    kept = [line for line in config.splitlines()
            if line.lstrip().startswith(("/reverse/high:", "/reverse/low:"))]
    config = "\n".join(kept).replace("worker: reverse", "worker: gate")
    server = serve(f"plugins: [{gate.plugin}]\npools: {{strings: {{threads: 1}}}}\n"
                   f"workers:\n  {gate.settings()}\nroutes:\n{config}\n")
    server.post_job("/reverse/low?name=first", "")
    wait_until(lambda: gate.runs() == ["first"], "the first one runs")
    for route in "low", "high":
        server.post_job(f"/reverse/{route}?name={route}", "")
    gate.let_all()
    wait_until(lambda: len(gate.runs()) == 3, "all have run")
    assert gate.runs() == ["first", "high", "low"]
