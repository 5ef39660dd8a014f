"""Fixtures: servers, peers and folders that end with the test. What they are made of: harness.py."""

import pathlib

import pytest

from harness import Gate, Gateway, Servers, SmtpServer, Steps, compile_plugin


@pytest.fixture
def serve(tmp_path):
    """serve(config) starts a server, which must end with exit code 0 when the test ends."""
    servers = Servers(tmp_path)
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def serve_module(tmp_path_factory):
    """The same for all tests of a file."""
    servers = Servers(tmp_path_factory.mktemp("server"))
    yield servers
    servers.stop()


@pytest.fixture
def smtp(tmp_path):
    server = SmtpServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def gateway(tmp_path):
    server = Gateway(tmp_path)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def gateway_module(tmp_path_factory):
    """The same for all tests of a file."""
    server = Gateway(tmp_path_factory.mktemp("gateway"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gate_plugin(tmp_path_factory):
    source = pathlib.Path(__file__).with_name("gate.c").read_text()
    return compile_plugin(tmp_path_factory.mktemp("gate"), "gate", source)


@pytest.fixture
def gate(tmp_path, gate_plugin, serve):
    """A worker whose calls run until they are let through."""
    gate = Gate(tmp_path, gate_plugin)
    yield gate
    gate.let_all()  # a server ends when its calls do
    serve.stop()
    gate.close()


@pytest.fixture(scope="session")
def steps_plugin(tmp_path_factory):
    source = pathlib.Path(__file__).with_name("steps.c").read_text()
    return compile_plugin(tmp_path_factory.mktemp("steps"), "steps", source)


@pytest.fixture
def steps(tmp_path, steps_plugin, serve):
    """A worker that does what it is told."""
    steps = Steps(tmp_path, steps_plugin)
    yield steps
    steps.tell("end", "end", "end", "end")  # a server ends when its calls do
    serve.stop()
    steps.close()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    from browser import Browser  # what that needs is not everywhere

    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium):
    yield chromium
    chromium.open("about:blank")  # no page asks a server that is gone
    chromium.complaints()
