"""What the README shows works as it is written there."""

import json
import re
import shlex
import sqlite3
import subprocess

import pytest

from documents import blocks, document, run_command, section
from harness import EXIT_CONFIG, ROOT, run_ferry, wait_until

README = document("README.md")


# ---- wrap your own library ----

@pytest.fixture(scope="module")
def wrapped(tmp_path_factory, serve_module):
    """The README's worker, built by the README's command and served by the README's config."""
    text = section(README, "Wrap your own library")
    [code], [command], [config] = blocks(text, "c"), blocks(text, "sh"), blocks(text, "yaml")
    folder = serve_module.folder
    (folder / "users.c").write_text(code)
    (folder / "include").symlink_to(ROOT / "include")
    subprocess.run(shlex.split(command), cwd=folder, check=True)
    with sqlite3.connect(folder / "users.db") as db:
        db.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        db.execute("INSERT INTO users VALUES (7, 'Ada')")
    db.close()
    return serve_module(config)


def test_the_wrapped_library_answers(wrapped):
    reply = wrapped.get("/users/7")
    assert (reply.status, reply.text()) == (200, "Ada")


def test_the_wrapped_library_says_what_is_not_there(wrapped):
    reply = wrapped.get("/users/8")
    assert (reply.status, reply.problem()) == (404, "there is no such user")


def test_the_wrapped_library_serves_many_at_once(wrapped):
    calls = [wrapped.send("GET", "/users/7") for _ in range(16)]
    assert [call.reply().text() for call in calls] == ["Ada"] * 16


def test_the_wrapped_config_is_clean(wrapped):
    result = run_ferry("check", "-c", "ferry.yaml", cwd=wrapped.folder)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_worker_is_about_30_lines():
    [code] = blocks(section(README, "Wrap your own library"), "c")
    assert len([line for line in code.splitlines() if line.strip()]) <= 40


# ---- the first lines ----

@pytest.fixture(scope="module")
def default_server(tmp_path_factory, serve_module, wrapped):
    folder = tmp_path_factory.mktemp("default")
    (folder / "ferry.yaml").write_text((ROOT / "conf" / "ferry.yaml").read_text())
    return serve_module((ROOT / "conf" / "ferry.yaml").read_text(),
                        args=["--set", f"state={folder}/var"])


def curl_lines():
    """The commands of the README's block of curl lines, each with the comment lines below it."""
    [block] = [block for block in blocks(README, "sh") if block.startswith("curl")]
    return [tuple(part.split("\n", 1)) for part in block.strip().split("\n\n")]


def test_the_first_curl_lines_work_as_written(default_server):
    (sleep, slept), (post, accepted), (look, job) = curl_lines()

    out = run_command(sleep, default_server)
    assert slept.startswith(f"# {out.strip()} ")

    out = run_command(post, default_server)
    assert out.startswith("HTTP/1.1 202 Accepted") and "# HTTP/1.1 202 Accepted" in accepted
    place = re.search(r"^Location: (/jobs/[0-9a-f]{32})$", out, re.M)[1]

    default_server.wait_job(place, "succeeded")
    out = run_command(look.replace("/jobs/5f1c...", place), default_server)
    for shown, key in ("5f1c...", "id"), ("91d3...", "delivery_id"):
        job = job.replace(shown, json.loads(out)[key])
    assert out.startswith(job.removeprefix("# ").split(",...}")[0])


def test_the_first_email_is_in_the_outbox(tmp_path, serve):
    server = serve((ROOT / "conf" / "ferry.yaml").read_text())
    run_command(curl_lines()[1][0], server)
    outbox = server.folder / "var" / "outbox"
    [path] = wait_until(lambda: list(outbox.glob("*.eml")), "the e-mail is in the outbox")
    assert b"from ferry" in path.read_bytes()


# ---- jobs, and calls without a server ----

def commands(title):
    """The command lines below a heading, without their comments."""
    lines = "".join(blocks(section(README, title), "sh")).splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_the_commands_for_jobs_work_as_written(tmp_path, serve):
    server = serve((ROOT / "conf" / "ferry.yaml").read_text())
    place = server.post_job("/email", {"to": "you@example.org", "subject": "x", "text": "y"})
    server.wait_job(place, "succeeded")
    id = place.removeprefix("/jobs/")
    for _, command, *args in [args for args in commands("See and steer jobs") if args[0] == "jobs"]:
        args = [arg.replace("5f1c...", id) for arg in args]
        args += ["--yes"] if command == "retry" else []  # here is no terminal to ask on
        result = run_ferry("jobs", command, *args, "--admin", server.admin_address, cwd=tmp_path)
        assert result.returncode == 0, (command, result.stderr)


def test_the_calls_without_a_server_work_as_written(tmp_path):
    [email, sleep] = [args for args in commands("See and steer jobs") if args[0] == "call"]
    assert run_ferry(*email, cwd=tmp_path).returncode == 0
    [path] = (tmp_path / "var" / "outbox").glob("*.eml")
    assert b"from ferry" in path.read_bytes()
    assert run_ferry(*sleep, cwd=tmp_path).stdout.startswith("HTTP/1.1 200\n")


# ---- the config ----

def test_the_default_config_is_clean():
    result = run_ferry("check", "-c", "conf/ferry.yaml", cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_built_in_config_is_the_default_config(tmp_path):
    built_in = run_ferry("check", cwd=tmp_path)
    file = run_ferry("check", "-c", "conf/ferry.yaml", cwd=ROOT)
    assert (built_in.returncode, built_in.stderr) == (0, "")
    assert built_in.stdout.split(":")[1] == file.stdout.split(":")[1]


def test_a_mistake_is_shown_as_in_the_readme(tmp_path):
    [shown] = [block for block in blocks(section(README, "Configure"), "") if "did you mean" in block]
    file, number, _ = shown.split(":", 2)
    line = shown.splitlines()[1].removeprefix(" " * 4)
    above = ["routes: {/noop: {worker: noop}}", "pools:"]
    config = [*above, *[""] * (int(number) - len(above) - 1), line]
    (tmp_path / file).write_text("\n".join(config) + "\n")
    result = run_ferry("check", "-c", file, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (EXIT_CONFIG, shown)


def test_environment_and_command_line_set_keys_as_in_the_readme(tmp_path):
    text = section(README, "Configure")
    setting = re.search(r"--set (\S+?)`", text)[1]
    name, value = re.search(r"`(FERRY_\S+?)=(\S+?)`", text).groups()
    bad = run_ferry("check", "--set", setting + "x", cwd=tmp_path)
    assert bad.returncode == EXIT_CONFIG and "threads" in bad.stderr
    bad = run_ferry("check", cwd=tmp_path, env={name: value + "x"})
    assert bad.returncode == EXIT_CONFIG and "threads" in bad.stderr
    assert run_ferry("check", "--set", setting, cwd=tmp_path, env={name: value}).returncode == 0
