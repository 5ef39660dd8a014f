"""A private postfix: a relay as people have one, with its own configuration, queue and port.

It listens on 127.0.0.1, wants STARTTLS, and hands everything on to another SMTP server. Two
recipients it refuses itself: nobody@example.org (550) and busy@example.org (450). It needs root, as
postfix does, and touches nothing of a system's own instance.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

from harness import DEADLINE, make_certificate, wait_until

MASTER = pathlib.Path("/usr/lib/postfix/sbin/master")

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.invalid
mydestination =
alias_maps =
relayhost = [127.0.0.1]:{sink_port}
smtp_dns_support_level = disabled
smtp_tls_security_level = none
smtpd_peername_lookup = no
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
    check_recipient_access inline:{{
        {{ nobody@example.org = 550 5.1.1 no such mailbox }},
        {{ busy@example.org = 450 4.2.0 mailbox is busy }} }}
mynetworks = 127.0.0.0/8
"""

SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup    unix  n - n -     0 cleanup
qmgr       unix  n - n 300   1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n -     - trivial-rewrite
bounce     unix  - - n -     0 bounce
defer      unix  - - n -     0 bounce
trace      unix  - - n -     0 bounce
proxymap   unix  - - n -     - proxymap
smtp       unix  - - n -     - smtp
relay      unix  - - n -     - smtp
error      unix  - - n -     - error
retry      unix  - - n -     - error
anvil      unix  - - n -     1 anvil
scache     unix  - - n -     1 scache
postlog    unix-dgram n - n - 1 postlogd
"""

FOLDERS = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
           "maildrop", "private", "public", "saved", "trace")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postfix:
    """Running until stop(). `sink_port` is where it hands mail on to."""

    def __init__(self, sink_port):
        assert os.geteuid() == 0, "postfix needs root: run these tests as root"
        assert MASTER.exists(), "postfix is missing: apt-get install postfix (./dev test does it)"
        # Not below pytest's own folder, which the user postfix may not enter.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ferry-postfix-"))
        self.folder.chmod(0o755)
        self.certificate, self.key = make_certificate(self.folder)
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self._write_configuration(sink_port)
        self._make_folders()
        self.process = subprocess.Popen([MASTER, "-c", self.folder / "conf", "-d"],
                                        start_new_session=True, stdout=subprocess.DEVNULL)
        try:
            wait_until(self._answers, "postfix answers")
        except AssertionError:
            log = self.log()
            self.stop()
            raise AssertionError(f"postfix did not start: {log}") from None

    def _write_configuration(self, sink_port):
        conf = self.folder / "conf"
        conf.mkdir()
        (conf / "main.cf").write_text(MAIN.format(
            folder=self.folder, sink_port=sink_port, certificate=self.certificate, key=self.key))
        (conf / "master.cf").write_text(SERVICES.format(port=self.port))

    def _make_folders(self):
        for name in FOLDERS:
            path = self.folder / "queue" / name
            path.mkdir(parents=True)
            path.chmod(0o700)
            shutil.chown(path, "postfix")
        (self.folder / "queue" / "pid").mkdir()
        shutil.chown(self.folder / "queue" / "public", "postfix", "postdrop")
        (self.folder / "queue" / "public").chmod(0o710)
        (self.folder / "data").mkdir(mode=0o700)
        shutil.chown(self.folder / "data", "postfix")

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError("it ended")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as peer:
                return peer.recv(3) == b"220"
        except OSError:
            return False

    def log(self):
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()  # it ends what it started
        self.process.wait(DEADLINE)
        shutil.rmtree(self.folder, ignore_errors=True)
