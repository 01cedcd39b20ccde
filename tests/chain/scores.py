"""What two spam filters say of a mail, by symbol and points.

Neither asks the network: SpamAssassin runs its local tests, rspamd sees a DNS of ours.
"""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chain import servers

Points = dict[str, float]

SENDER_HOST, SENDER_IP = "mail.example.org", "192.0.2.25"
_SPAMASSASSIN = (
    *("use_bayes 0", "use_auto_welcomelist 0", "report_safe 0", "fold_headers 0"),
    "add_header all Points _TESTSSCORES(,)_",
)


def spamassassin(mails: Sequence[bytes], folder: Path) -> list[Points]:
    """One process reads them all, as they came in from outside."""
    paths = [folder / f"{number:03}.eml" for number in range(len(mails))]
    for path, mail in zip(paths, mails, strict=True):
        path.write_bytes(_received(mail))
    preferences = folder / "user_prefs"
    preferences.touch()
    command = [
        "/usr/bin/spamassassin",
        "--local",
        "--test-mode",
        "--nocreate-prefs",
        f"--prefspath={preferences}",
    ]
    command += [f"--cf={line}" for line in _SPAMASSASSIN]
    done = subprocess.run([*command, *map(str, paths)], check=True, capture_output=True, timeout=200)
    lines = done.stdout.decode(errors="replace").splitlines()
    found = [line.removeprefix(_POINTS) for line in lines if line.startswith(_POINTS)]
    assert len(found) == len(mails), done.stderr.decode()
    return [_points(line) for line in found]


_POINTS = "X-Spam-Points: "


def _points(line: str) -> Points:
    pairs = (each.partition("=") for each in line.strip().split(",") if "=" in each)
    return {name: float(points) for name, _, points in pairs}


def _received(mail: bytes) -> bytes:
    """The line that the receiver's own server writes."""
    line = f"Received: from {SENDER_HOST} ({SENDER_HOST} [{SENDER_IP}])\n\tby {servers.HOST} with ESMTPS; "
    date = mail.partition(b"\nDate: ")[2].partition(b"\n")[0].strip()
    return line.encode() + date + b"\n" + mail


@dataclass(frozen=True)
class Rspamd:
    port: int

    def score(self, mail: bytes) -> Points:
        sender = mail.partition(b"Return-Path: <")[2].partition(b">")[0].decode()
        headers = {
            "IP": SENDER_IP,
            "Helo": SENDER_HOST,
            "Hostname": SENDER_HOST,
            "From": sender,
            "Rcpt": "bob@example.net",
        }
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/checkv2", mail, headers)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            symbols = json.load(answer)["symbols"].values()
        return {each["name"]: each["score"] for each in symbols}


# Modules that ask the network or a Redis.
_AWAY = (
    *("rbl", "fuzzy_check", "asn", "mx_check", "greylist", "ratelimit", "neural", "antivirus"),
    *("dkim_signing", "history_redis", "milter_headers", "replies", "bimi"),
)


@contextmanager
def rspamd(folder: Path, nameserver: str) -> Iterator[Rspamd]:
    """A scanner with the rules of the package and nothing of the system's own settings."""
    port = servers.free_port()
    for name in ("local.d", "override.d", "state"):
        (folder / name).mkdir()
    shutil.chown(folder / "state", "_rspamd")
    local = dict.fromkeys(_AWAY, "enabled = false;")
    override = {
        "options.inc": _OPTIONS % nameserver,
        "logging.inc": 'type = "console"; level = "warning";',
        "worker-normal.inc": f'bind_socket = "127.0.0.1:{port}"; count = 1;',
    } | {f"worker-{name}.inc": "enabled = false; count = -1;" for name in ("controller", "proxy", "fuzzy")}
    for name, text in local.items():
        (folder / "local.d" / f"{name}.conf").write_text(text)
    for name, text in override.items():
        (folder / "override.d" / name).write_text(text)
    places = {"LOCAL_CONFDIR": folder, **dict.fromkeys(("DBDIR", "RUNDIR", "LOGDIR"), folder / "state")}
    command = ["/usr/bin/rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", "/etc/rspamd/rspamd.conf"]
    command += [f"--var={name}={place}" for name, place in places.items()]
    with servers.running(*command, port=port, log=folder / "rspamd.log"):
        yield Rspamd(port)


_OPTIONS = """\
filters = "chartable,dkim,regexp";
disable_hyperscan = true;
dns { nameserver = ["%s"]; timeout = 1s; retransmits = 2; }
"""
