#!/usr/bin/python3
"""A real SMTP server for tests (Debian's python3-aiosmtpd).

    smtp_server.py --output FILE [--port N] [--delay SECONDS] [--hold FILE] [--until-eof]
                   [--starttls CERT KEY | --smtps CERT KEY]
                   [--auth USER:PASSWORD | --oauth USER:TOKEN]

It listens on 127.0.0.1, prints its port as the first line, and runs until SIGTERM (or, with
--until-eof, until its standard input closes, so that it never outlives the test that started it).

Each message that is accepted becomes one JSON line in FILE, written before the client is told 250:
    connection  number of the TCP connection, from 1     tls, auth   bool
    helo, from  as the client said them                  to          list of the recipients
    message_id  with its angle brackets, "" if missing   data        the bytes, decoded as latin-1
Messages that are refused are not written.

A recipient's address says what happens, whatever its domain:
    tempfail-N@   451 after DATA, the first N times for one Message-ID
    tempfail@     450 at RCPT, always
    greylist-*@   451 at RCPT, the first time for one address
    vanish@       the connection is cut instead of the answer to RCPT
    reject@       550 at RCPT
    full@         552 at RCPT: the mailbox is full
    alone-*@      552 at RCPT, unless it is the first of its message that is taken
    mute@         the same as reject@, and the QUIT that follows is not answered
    late@         the message is written before --hold is waited for, and so before the 250
    reject-data@  554 after DATA
    drop@         the message is taken, then the connection is cut instead of the 250,
                  the first time for one Message-ID
    hangup@       421 at RCPT, and the connection is closed
    idle-out@     the message is taken; then "421 idle" is sent unasked, and the connection closed
--delay waits that long before the answer to DATA, --hold until that file is there. --oauth offers XOAUTH2 beside PLAIN and LOGIN,
which nobody passes then.
"""

import argparse
import asyncio
import base64
import collections
import email
import itertools
import json
import logging
import os
import re
import signal
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult


class Recorder:
    """What the server does with each command; one for all connections."""

    def __init__(self, output, delay, hold):
        self.output = output
        self.delay = delay
        self.hold = hold
        self.failures = collections.Counter()  # by (kind, Message-ID or address)

    async def handle_RCPT(self, server, session, envelope, address, options):
        knob = address.partition("@")[0]
        if knob in ("reject", "mute"):
            session.is_mute = knob == "mute"
            return "550 5.1.1 no such mailbox here"
        if knob == "full":
            return "552 5.2.2 this mailbox is full"
        if knob.startswith("alone-") and envelope.rcpt_tos:
            return "552 too many recipients"
        if knob == "tempfail":
            return "450 4.2.0 greylisted, come back later"
        if knob.startswith("greylist-") and self.first_times("greylist", address, 1):
            return "451 4.7.1 greylisted, come back later"
        if knob == "vanish":
            server.transport.abort()
        if knob == "hangup":
            await server.push("421 4.3.2 closing down")
            server.transport.close()
            return "421 4.3.2 closing down"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_QUIT(self, server, session, envelope):
        if getattr(session, "is_mute", False):
            await asyncio.get_running_loop().create_future()
        return "221 Bye"

    def first_times(self, kind, what, limit):
        self.failures[kind, what] += 1
        return self.failures[kind, what] <= limit

    async def handle_DATA(self, server, session, envelope):
        message_id = str(email.message_from_bytes(envelope.content)["Message-ID"] or "").strip()
        knobs = [address.partition("@")[0] for address in envelope.rcpt_tos]
        if "late" in knobs:
            self.record(server, session, envelope, message_id)
        await asyncio.sleep(self.delay)
        while self.hold and not os.path.exists(self.hold):
            await asyncio.sleep(0.01)
        if "late" in knobs:
            return "250 2.0.0 taken"
        if "reject-data" in knobs:
            return "554 5.6.0 this content is not welcome"
        for knob in knobs:
            match = re.fullmatch(r"tempfail-(\d+)", knob)
            if match and self.first_times(knob, message_id, int(match[1])):
                return "451 4.3.0 try again later"
        self.record(server, session, envelope, message_id)
        if "drop" in knobs and self.first_times("drop", message_id, 1):
            server.transport.abort()
        if "idle-out" in knobs:
            asyncio.get_running_loop().call_soon(self.idle_out, server.transport)
        return "250 2.0.0 taken"

    @staticmethod
    def idle_out(transport):
        transport.write(b"421 4.4.2 idle for too long\r\n")
        transport.close()

    def record(self, server, session, envelope, message_id):
        entry = {
            "connection": server.connection_number,
            "tls": session.ssl is not None,
            "auth": bool(session.authenticated),
            "helo": session.host_name,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "message_id": message_id,
            "data": envelope.content.decode("latin-1"),
        }
        self.output.write(json.dumps(entry) + "\n")
        self.output.flush()


def tls_context(files):
    if not files:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


def authenticator(expected):
    if not expected:
        return None
    user, _, password = expected.partition(":")

    def check(server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=good, handled=False)

    return check


def token_authenticator(expected):
    """The handler of AUTH XOAUTH2, which takes one token."""
    user, _, token = expected.partition(":")
    good = f"user={user}\1auth=Bearer {token}\1\1".encode()

    async def auth_xoauth2(server, words):
        blob = base64.b64decode(words[1]) if len(words) > 1 else await server.challenge_auth("")
        return AuthResult(success=blob == good, handled=False)

    return auth_xoauth2


async def serve(options):
    # Clients that break off are what it is for, and AUTH without TLS is asked for.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    output = open(options.output, "a", encoding="utf-8")
    recorder = Recorder(output, options.delay, options.hold)
    if options.oauth:
        recorder.auth_XOAUTH2 = token_authenticator(options.oauth)
    numbers = itertools.count(1)

    def connection():
        server = SMTP(
            recorder,
            hostname="test.invalid",
            tls_context=tls_context(options.starttls),
            authenticator=authenticator(options.auth),
            auth_required=bool(options.auth or options.oauth),
            auth_require_tls=False,
            loop=loop,
        )
        server.connection_number = next(numbers)
        return server

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if options.until_eof:
        loop.add_reader(sys.stdin, lambda: sys.stdin.buffer.raw.read(4096) or stop.set())
    listener = await loop.create_server(
        connection, "127.0.0.1", options.port, ssl=tls_context(options.smtps)
    )
    print(listener.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    listener.close()


def main():
    parser = argparse.ArgumentParser(description="A real SMTP server for tests.")
    parser.add_argument("--output", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--hold", metavar="FILE")
    parser.add_argument("--until-eof", action="store_true")
    parser.add_argument("--starttls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--smtps", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--auth", metavar="USER:PASSWORD")
    parser.add_argument("--oauth", metavar="USER:TOKEN")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
