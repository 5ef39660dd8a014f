"""The examples of documents: their blocks, and their commands with the output that is shown below."""

import re
import subprocess

from harness import DEADLINE, ROOT, wait_until

DEFAULT_ADDRESS = "127.0.0.1:8002"
ENDED = "succeeded", "dead", "cancelled"


def document(name):
    return (ROOT / name).read_text()


def section(text, title):
    """The text below a heading, up to the next one of its level."""
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def run_command(command, server):
    """What a command of a document prints, asked of this server."""
    result = subprocess.run(["sh", "-c", command.replace(DEFAULT_ADDRESS, server.address)],
                            cwd=server.folder, capture_output=True, text=True, timeout=DEADLINE)
    assert result.returncode == 0, (command, result.stderr)
    return result.stdout.replace("\r", "")


def is_shown(line, output):
    """Whether the output has this line of a document, in which `...` stands for anything."""
    pattern = ".*".join(map(re.escape, line.replace("5f1c...", "...").split("...")))
    return re.search(rf"^{pattern}", output, re.M)


def wait_ended(place, server):
    """Wait for a job, unless it is one for later."""
    def ended():
        return server.get(place).json()["state"] in (*ENDED, "scheduled")

    wait_until(ended, "the job has ended")


def run_block(block, server):
    """Run the commands of a block, which stand apart, and look for the lines shown below each. A
    `/jobs/5f1c...` is the last job that was made. Returns the jobs, in their order."""
    places = []
    for part in block.strip().split("\n\n"):
        command = re.sub(r"\n?^#.*", "", part, flags=re.M)
        if "/jobs/5f1c..." in command:
            wait_ended(places[-1], server)
            command = command.replace("/jobs/5f1c...", places[-1])
        output = run_command(command, server)
        places += re.findall(r"^Location: (/jobs/[0-9a-f]{32})$", output, re.M)
        for line in re.findall(r"^# (.*)", part, re.M):
            assert is_shown(line, output), (command, line, output)
    return places
