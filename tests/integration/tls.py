#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS on the public port: versions, names, reload, tickets, certificates of clients, slow readers, and peers
that mean harm."""
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import (ROOT, RUN, TICKCAST, Chain, Tls, Ws, case, check, equal, http, main, make_cert, need, run,
                     start, wait_for)

SYNTH = [{"name": "main", "synth": {"symbols": 12, "rate": 600, "payload_bytes": 150, "room": "ticker-S{n}",
                                    "event": "ticker-update"}}]


def engine(certs, sources=None, **more):
    return Tls(certs, sources or SYNTH, **more)


def signed_by(ca, name):
    """(certificate, key) files of a client."""
    crt, key, csr = (os.path.join(RUN, name + e) for e in (".crt", ".key", ".csr"))
    for argv in (["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                  "-out", csr, "-subj", "/CN=" + name],
                 ["openssl", "x509", "-req", "-in", csr, "-CA", ca[0], "-CAkey", ca[1], "-CAcreateserial", "-days", "2", "-out",
                  crt]):
        code, _, err = run(argv)
        equal(code, 0, "openssl: " + err)
    return crt, key


def client(*certs, version=None, own=None):
    """A client's context that trusts those certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for crt, _ in certs:
        context.load_verify_locations(crt)
    context.check_hostname = False
    if version:
        context.minimum_version = context.maximum_version = version
    if own:
        context.load_cert_chain(*own)
    return context


def connect(port, context, name=None, session=None, timeout=5):
    plain = socket.create_connection(("127.0.0.1", port), timeout)
    return context.wrap_socket(plain, server_hostname=name, session=session, suppress_ragged_eofs=False)


def refused(port, context, why, name=None):
    """A connection that TLS itself ends, at the latest with the first read (TLS 1.3 tells clients late)."""
    try:
        with connect(port, context, name) as s:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            got = s.recv(100)
    except (ssl.SSLError, ConnectionError):
        return
    raise AssertionError("%s was let in: %r" % (why, got))


def health(port, context, name=None, session=None):
    """GET /health; returns the socket, still open."""
    s = connect(port, context, name, session)
    s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    got = b""
    while b'"ok"' not in got:
        more = s.recv(4096)
        check(more, "ended after %r" % got)
        got += more
    check(got.startswith(b"HTTP/1.1 200 "), got)
    return s


def served(port, context, name=None):
    """The common name of the certificate."""
    with connect(port, context, name) as s:
        return dict(part[0] for part in s.getpeercert()["subject"])["commonName"]


@case
def versions_and_peers_that_speak_something_else():
    cert = make_cert("localhost", "localhost")
    with engine([cert]) as e:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with health(e.tls, client(cert, version=version)) as s:
                equal(s.version(), version.name.replace("_", "."), "version")
                check("GCM" in s.cipher()[0] or "CHACHA" in s.cipher()[0], s.cipher())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old = client(cert, version=ssl.TLSVersion.TLSv1_1)
        old.set_ciphers("ALL:@SECLEVEL=0")
        refused(e.tls, old, "TLS 1.1")
        weak = client(cert, version=ssl.TLSVersion.TLSv1_2)
        weak.set_ciphers("AES128-SHA:@SECLEVEL=0")
        refused(e.tls, weak, "a cipher without forward secrecy")
        with socket.create_connection(("127.0.0.1", e.tls), 5) as s:  # plain HTTP on the port of TLS
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            got = s.recv(100)
            check(got == b"" or got[0] == 21, "not an alert: %r" % got)
        refused(e.port, client(cert), "TLS on the plain port")
        wait_for(lambda: e.metrics()["tickcast_tls_failures_total"] == 3, 5, lambda: "3 failures: %s" % e.metrics())
        equal(e.metrics()["tickcast_tls_handshakes_total"], 2, "handshakes")
        equal(e.stop(), 0, "exit code")
    with engine([cert], tls={"min_version": "1.3"}) as e:
        refused(e.tls, client(cert, version=ssl.TLSVersion.TLSv1_2), "TLS 1.2")
        health(e.tls, client(cert)).close()


def clients_case(reactor):
    def subscribers():
        """Python websockets over wss: 20 connections, each resumed once, all chains unbroken."""
        cert = make_cert("localhost", "localhost")
        with engine([cert], reactor=reactor) as e:
            code, out, err = run([sys.executable, os.path.join(ROOT, "tests", "e2e", "ws_client.py"),
                                  "wss://localhost:%d/ws" % e.tls, "ticker-S1", "20", "30"], 60,
                                 env=dict(os.environ, SSL_CERT_FILE=cert[0]))
            check(code == 0, "%s %s" % (out[-400:], err[-600:]))
            equal(e.stop(), 0, "exit code")
    subscribers.__name__ = "subscribers_" + reactor
    case(subscribers)


for back_end in ("io_uring", "epoll"):
    clients_case(back_end)


@case
def page_and_curl():
    """The same page as without TLS, by curl with its own trust and ALPN."""
    cert = make_cert("localhost", "localhost")
    with engine([cert]) as e:
        for version in ("--tls-max 1.2", "--tlsv1.3"):
            code, out, err = run(["curl", "-sS", *version.split(), "--cacert", cert[0], "https://localhost:%d/" % e.tls])
            equal(code, 0, "curl: " + err)
            equal(out, http(e.port, "/")[2], "page")
        code, out, _ = run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % e.tls, "-alpn", "h2,http/1.1", "-CAfile", cert[0]],
                           stdin=open(os.devnull))
        check("ALPN protocol: h2" in out and "Verify return code: 0" in out, out[-1500:])
        code, out, err = run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % e.tls, "-alpn", "foo"], stdin=open(os.devnull))
        check("no application protocol" in err, err[-400:])


@case
def origins_of_wss():
    cert = make_cert("localhost", "localhost")
    with engine([cert]) as e:
        with Ws(e.tls, ["Origin: https://127.0.0.1:%d" % e.tls], tls=client(cert)) as ws:
            equal(ws.status, 101, "same origin")
        with Ws(e.tls, ["Origin: https://evil.example"], tls=client(cert)) as ws:
            equal(ws.status, 403, "foreign origin")


@case
def certificates_by_name_and_reload():
    """SIGHUP: new connections see the new file, open ones go on; a bad file changes nothing."""
    a, b, c = make_cert("a.test", "a.test"), make_cert("b.test", "b.test", "*.c.test"), make_cert("new.test", "a.test")
    trust = client(a, b, c)
    with engine([a, b]) as e:
        for asked, wanted in (("a.test", "a.test"), ("b.test", "b.test"), ("x.c.test", "b.test"), ("other", "a.test"),
                              (None, "a.test")):
            equal(served(e.tls, trust, asked), wanted, "certificate for %s" % asked)
        with Ws(e.tls, tls=trust, name="a.test") as ws:
            chain = Chain()
            chain.feed(ws.subscribe("ticker-S1"))
            for file, fresh in zip(a, c):
                os.replace(fresh, file)
            e.signal(signal.SIGHUP)
            wait_for(lambda: served(e.tls, trust, "a.test") == "new.test", 5, "the new certificate")
            with open(a[1], "w") as f:
                f.write("no key\n")
            e.signal(signal.SIGHUP)
            wait_for(lambda: "reload-failed" in e.log(), 5, lambda: "the bad file in the log: " + e.log()[-300:])
            check(a[0] in e.log().split("reload-failed")[1], "the file is not named")
            equal(served(e.tls, trust, "a.test"), "new.test", "certificate after a failed reload")
            while len(chain.positions) < 40:
                chain.feed(ws.next())


@case
def tickets():
    """A session is resumed on another worker and after a reload, and not any more after two new keys."""
    cert = make_cert("localhost", "localhost")
    context = client(cert, version=ssl.TLSVersion.TLSv1_2)
    with engine([cert], tls={"ticket_s": "2s"}, workers={"count": 2}) as e:
        with health(e.tls, context) as s:
            session = s.session
            check(session.has_ticket and not s.session_reused, "a ticket on the first connection")

        def is_reused():
            with health(e.tls, context, session=session) as s:
                return s.session_reused
        for _ in range(8):  # the kernel spreads connections over both workers
            check(is_reused(), "not resumed")
        e.signal(signal.SIGHUP)
        check(is_reused(), "not resumed after a reload")
        wait_for(lambda: not is_reused(), 10, "the ticket's end")
        check(e.metrics()["tickcast_tls_resumed_total"] >= 9, "resumed: %s" % e.metrics()["tickcast_tls_resumed_total"])
    fresh = client(cert, version=ssl.TLSVersion.TLSv1_3)
    with engine([cert]) as e:
        with health(e.tls, fresh) as s:
            session = s.session  # its tickets came with the answer
        with health(e.tls, fresh, session=session) as s:
            check(s.session_reused, "TLS 1.3 session not resumed")


@case
def certificates_of_clients():
    cert, ca = make_cert("localhost", "localhost"), make_cert("clients-ca", is_ca=True)
    good, bad = signed_by(ca, "good"), make_cert("stranger")
    for mode in ("require", "request"):
        with engine([cert], tls={"clients": mode, "client_ca": ca[0]}) as e:
            health(e.tls, client(cert, own=good)).close()
            refused(e.tls, client(cert, own=bad), "a stranger's certificate")
            if mode == "require":
                refused(e.tls, client(cert), "a client without a certificate")
            else:
                health(e.tls, client(cert)).close()


@case
def slow_handshakes_end():
    """Nothing, half a hello, a hello and no more: all are cut after timeouts.head_ms, and no descriptor is kept."""
    cert = make_cert("localhost", "localhost")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = client(cert).wrap_bio(incoming, outgoing)
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    first = outgoing.read()
    with engine([cert], timeouts={"head_ms": 400}) as e:
        sockets = []
        for part in (b"", first[:50], first):
            for _ in range(30):
                s = socket.create_connection(("127.0.0.1", e.tls), 5)
                s.sendall(part)
                sockets.append(s)
        end = time.monotonic() + 5
        for s in sockets:
            s.settimeout(max(end - time.monotonic(), 0.1))
            try:
                while s.recv(4096):
                    pass
            except ConnectionError:
                pass
            s.close()
        m = wait_for(lambda: e.metrics()["tickcast_connections"] == 0 and e.metrics(), 5, "no connection is left")
        equal(m['tickcast_closes_total{reason="handshake-timeout"}'], 90, "cut by their time")


@case
def floods_leave_others_alone():
    """Handshakes and garbage as fast as they go, 4 s long, while a subscriber reads: unbroken and never late."""
    cert = make_cert("localhost", "localhost")
    with engine([cert]) as e, Ws(e.tls, tls=client(cert)) as ws:
        chain = Chain()
        chain.feed(ws.subscribe("ticker-S1"))
        flood = start(["openssl", "s_time", "-connect", "127.0.0.1:%d" % e.tls, "-new", "-time", "4"],
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begin = time.monotonic()
        garbage, late, asked = 0, 0.0, 0.0
        while flood.poll() is None or garbage < 500:
            with socket.create_connection(("127.0.0.1", e.tls), 5) as s:
                s.sendall(b"\x16\x03\x01\x40\x00" + os.urandom(64) if garbage % 2 else os.urandom(200))
            garbage += 1
            if time.monotonic() - asked > 0.05:  # limits.cmd_rate and cmd_burst are not the subject
                asked = time.monotonic()
                ws.send("ping", id=garbage)
                while True:
                    event = ws.next(2)
                    if event["event"] == "pong" and event["id"] == garbage:
                        break
                    check(event["event"] != "error", event)
                    chain.feed(event)
                late = max(late, time.monotonic() - asked)
            check(time.monotonic() - begin < 60, "the flood does not end")
        check(len(chain.positions) > 50, "only %d updates" % len(chain.positions))
        print("       %d garbage connections, %d handshakes, slowest pong %.0f ms" % (
            garbage, e.metrics()["tickcast_tls_handshakes_total"], late * 1000), flush=True)
        check(late < 1.0, "a pong took %.3f s" % late)


@case
def renegotiation_is_refused():
    cert = make_cert("localhost", "localhost")
    with engine([cert]) as e:
        p = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", "127.0.0.1:%d" % e.tls], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        p.stdin.write(b"R\n")
        p.stdin.flush()
        try:
            out, _ = p.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            p.kill()
            raise AssertionError("s_client goes on")
        check(b"no renegotiation" in out or b"RENEGOTIATING" in out and p.returncode != 0, out[-600:])


@case
def a_broken_record_ends_the_connection():
    """A record that was altered on its way: an alert, and the end."""
    cert = make_cert("localhost", "localhost")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with engine([cert]) as e, socket.create_connection(("127.0.0.1", e.tls), 5) as s:
        tls = client(cert).wrap_bio(incoming, outgoing)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                s.sendall(outgoing.read())
                incoming.write(s.recv(65536))
        tls.write(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        record = bytearray(outgoing.read())
        record[-1] ^= 1
        s.sendall(record)
        try:
            while s.recv(4096):
                pass
        except ConnectionError:
            pass
        wait_for(lambda: e.metrics()['tickcast_closes_total{reason="tls"}'] == 1, 5, "the close is counted")


@case
def large_events_and_a_slow_reader():
    """60 KB events over several records; a reader that stops is conflated, truly, and gets the newest value."""
    cert = make_cert("localhost", "localhost")
    big = [{"name": "main", "synth": {"symbols": 2, "rate": 60, "payload_bytes": 60000, "room": "ticker-S{n}"}}]
    with engine([cert], big, limits={"sndbuf_bytes": 65536}) as e:
        with Ws(e.tls, tls=client(cert), rcvbuf=65536) as ws:
            chain = Chain()
            chain.feed(ws.subscribe("ticker-S1", snapshot=True))
            while len(chain.positions) < 20:
                chain.feed(ws.next())
            before = e.metrics()["tickcast_conflated_total"]
            wait_for(lambda: e.metrics()["tickcast_members_behind"] == 1, 20, "the reader is behind")
            wait_for(lambda: e.metrics()["tickcast_spill_bytes"] > 0, 5, "a frame is held")
            events = e.metrics()["tickcast_events_total"]
            wait_for(lambda: e.metrics()["tickcast_events_total"] > events + 60, 20, "much more has come")
            conflated = 0
            while not conflated or len(chain.positions) < 60:
                event = ws.next(10)
                conflated += event["event"] == "conflated"
                chain.feed(event)
            check(e.metrics()["tickcast_conflated_total"] > before, "conflated is not counted")


@case
def drain_says_goodbye():
    """SIGTERM: draining, close 1012, then TLS's own end (close_notify), so that nothing looks cut off."""
    cert = make_cert("localhost", "localhost")
    with engine([cert]) as e:
        with Ws(e.tls, tls=client(cert)) as ws:
            ws.subscribe("ticker-S1")
            idle = connect(e.tls, client(cert))
            half = socket.create_connection(("127.0.0.1", e.tls), 5)  # no handshake yet
            wait_for(lambda: e.metrics()["tickcast_connections"] == 3, 5, "three connections")
            e.process.terminate()
            ws.expect("draining")
            equal(ws.close_code(), 1012, "close code")
            try:
                equal(ws.socket.recv(100), b"", "after the close frame")
            except ssl.SSLEOFError:
                raise AssertionError("no close_notify")
            except ssl.SSLZeroReturnError:
                pass
            idle.settimeout(5)
            equal(idle.recv(100), b"", "an idle connection's end")
            idle.close()
            half.close()
        equal(e.stop(), 0, "exit code")


@case
def memory_of_idle_connections():
    cert = make_cert("localhost", "localhost")
    with engine([cert]) as e:
        context = client(cert)
        before = e.metrics()["tickcast_tls_memory_bytes"]
        sockets = [health(e.tls, context) for _ in range(200)]
        after = e.metrics()["tickcast_tls_memory_bytes"]
        each = (after - before) / 200
        print("       %.1f KB of OpenSSL per idle connection" % (each / 1024), flush=True)
        # the library's own: 13.9 KB with OpenSSL 3.0, 28.6 KB with 3.5
        bound = 24 if ssl.OPENSSL_VERSION_INFO < (3, 5) else 40
        check(each < bound * 1024, "%.0f bytes per idle connection with %s" % (each, ssl.OPENSSL_VERSION))
        for s in sockets:
            s.close()
        wait_for(lambda: e.metrics()["tickcast_connections"] == 0, 5, "all gone")
        health(e.tls, context).close()  # a turn, in which it is counted
        left = e.metrics()["tickcast_tls_memory_bytes"]
        check(left < before + 4 * each, "%d bytes are left of %d" % (left - before, after - before))


@case
def too_little_memory_is_a_refusal():
    """A spent budget refuses new connections and leaves the open ones alone."""
    cert = make_cert("localhost", "localhost")
    with engine([cert], tls={"memory_bytes": 1048576}) as e, Ws(e.tls, tls=client(cert)) as ws:
        chain = Chain()
        chain.feed(ws.subscribe("ticker-S1"))
        sockets, failed = [], 0
        for _ in range(200):
            try:
                sockets.append(health(e.tls, client(cert)))
            except (OSError, AssertionError):
                failed += 1
        check(failed > 20 and len(sockets) > 20, "%d of 200 refused" % failed)
        while len(chain.positions) < 20:
            chain.feed(ws.next())
        for s in sockets:
            s.close()
        wait_for(lambda: e.metrics()["tickcast_connections"] == 1, 5, "the others are gone")
        health(e.tls, client(cert)).close()


@case
def the_limit_of_connections():
    """Above it a connection is closed before its handshake."""
    cert = make_cert("localhost", "localhost")
    with engine([cert], limits={"connections": 3}) as e:
        held = [health(e.tls, client(cert)) for _ in range(3)]
        refused(e.tls, client(cert), "a fourth connection")
        held.pop().close()
        wait_for(lambda: e.metrics()["tickcast_connections"] == 2, 5, "a free place")
        health(e.tls, client(cert)).close()


@case
def wrong_configurations():
    cert, other = make_cert("localhost", "localhost"), make_cert("other", "other")
    text = os.path.join(RUN, "no.pem")
    with open(text, "w") as f:
        f.write("not PEM\n")

    def said(code, **section):
        config = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "tls": section, "sources": SYNTH}
        file = os.path.join(RUN, "wrong.yaml")
        with open(file, "w") as f:
            json.dump(config, f)
        for command in (["check-config", file], ["run", "--config", file]):
            found, _, err = run([TICKCAST, *command], 15)
            equal(found, code, "exit code of %s with %s: %s" % (command[0], section, err[-300:]))
        return err
    ok = {"listen": "127.0.0.1:0", "certificates": [cert[0]], "keys": [cert[1]]}
    for change, part in (
            ({"listen": None}, "has no listen"),
            ({"certificates": []}, "tls.certificates"),
            ({"keys": [cert[1], other[1]]}, "names 2 files for 1"),
            ({"keys": [other[1]]}, "private key"),
            ({"keys": ["/nowhere/x.key"]}, "/nowhere/x.key: cannot be read"),
            ({"certificates": [text]}, "not a certificate in PEM form"),
            ({"keys": [text]}, "not a PEM key"),
            ({"clients": "require"}, "client_ca"),
            ({"client_ca": cert[0]}, "clients"),
            ({"client_ca": text, "clients": "request"}, "client_ca"),
            ({"min_version": "1.1"}, "1.1"),
            ({"listen": "nonsense"}, "nonsense")):
        section = {k: v for k, v in dict(ok, **change).items() if v is not None}
        err = said(1, **section)
        check(part in err, "%s: %r is not named: %s" % (change, part, err[-300:]))


@case
def judged_by_testssl():
    """testssl.sh finds nothing above LOW with a certificate as an authority gives it."""
    ca = make_cert("testssl-ca", "testssl-ca", is_ca=True)
    name = os.path.join(RUN, "testssl")
    with open(name + ".ext", "w") as f:
        f.write("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n"
                "basicConstraints=CA:FALSE\ncrlDistributionPoints=URI:http://127.0.0.1:9/ca.crl\n")
    for argv in (["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                  name + ".key", "-out", name + ".csr", "-subj", "/CN=localhost"],
                 ["openssl", "x509", "-req", "-in", name + ".csr", "-CA", ca[0], "-CAkey", ca[1], "-CAcreateserial", "-days",
                  "200", "-extfile", name + ".ext", "-out", name + ".crt"]):
        code, _, err = run(argv)
        equal(code, 0, "openssl: " + err)
    e = engine([(name + ".crt", name + ".key")])
    code, out, err = run(["testssl", "--quiet", "--color", "0", "--jsonfile", name + ".json", "--add-ca", ca[0], "--ip",
                          "127.0.0.1", "https://localhost:%d" % e.tls], timeout=400, stdin=subprocess.DEVNULL)
    with open(name + ".json") as f:
        found = json.load(f)
    check(len(found) > 100, "%d findings, code %d: %s %s" % (len(found), code, out[-800:], err[-800:]))
    bad = ["%(id)s %(severity)s: %(finding)s" % x for x in found if x["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL")]
    check(not bad, "; ".join(bad))
    e.stop()


need("openssl", "curl", "testssl")
main()
