"""The program with a terminal: what a person would see, and type."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading

from harness import DEADLINE, FERRY, SANITIZER, send_signal, wait_until


class Terminal:
    """A run of the program of which the streams named are a terminal; the others are pipes."""

    def __init__(self, *args, cwd, streams=("stdin", "stdout", "stderr"), columns=80):
        self.screen = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        given = {name: slave if name in streams else subprocess.PIPE
                 for name in ("stdin", "stdout", "stderr")}
        self.process = subprocess.Popen([FERRY, *args], cwd=cwd, **given)
        os.close(slave)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        while True:
            try:
                piece = os.read(self.master, 4096)
            except OSError:  # the last one who had it open has closed it
                return
            self.screen += piece

    def text(self):
        return self.screen.decode().replace("\r\n", "\n")

    def wait_shown(self, *texts):
        wait_until(lambda: all(text in self.text() for text in texts) or
                   self.process.poll() is not None, f"the terminal shows {texts}")
        if self.process.poll() is not None:
            self.reader.join(DEADLINE)  # it has all then
        assert all(text in self.text() for text in texts), self.text()

    def type(self, text):
        os.write(self.master, text.encode())

    def interrupt(self):
        send_signal(self.process, signal.SIGINT)

    def end(self):
        """Wait for the end; returns the exit code, and what went to the pipes."""
        try:
            out, err = self.process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.wait()
            self.reader.join()
            os.close(self.master)
        told = self.text() + (err or b"").decode()
        assert not SANITIZER.search(told), told
        return self.process.returncode, (out or b"").decode()
