"""Mail servers from Debian's packages as throw-away instances: own folder, loopback, high ports.

Nothing under /etc is written, no service of the system is touched.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

HOST = "mx.example.net"
_POSTFIX = "/usr/lib/postfix/sbin"
_START = 30.0  # seconds until a server must answer
_END = 10.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(*command: str, port: int, log: Path, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """A server in the foreground for the length of the block, once it answers on `port`."""
    with log.open("ab") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=os.environ | dict(env or {})
        )
    try:
        _wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{process.args!r} does not answer:\n{log.read_text(errors='replace')}")


@dataclass
class Chain:
    """Postfix, with opendkim looking at what comes in, hands over to Dovecot by LMTP.

    Whoever is written to in example.org or example.net has a mailbox.
    """

    folder: Path
    """Open to the users of all servers."""
    keys: Mapping[str, str]
    """What the DNS says of our keys: the TXT record by its owner."""
    port: int = field(default_factory=free_port)
    grey: int = field(default_factory=free_port)
    """The same Postfix behind postgrey."""
    _lmtp: int = field(default_factory=free_port)
    _postgrey: int = field(default_factory=free_port)
    _opendkim: int = field(default_factory=free_port)

    @property
    def postfix(self) -> dict[str, str]:
        """What makes Postfix's commands speak of this instance."""
        return {"MAIL_CONFIG": str(self.folder / "postfix")}

    @contextmanager
    def open(self) -> Iterator["Chain"]:
        with ExitStack() as stack:
            for server in (self._dovecot(), self._dkim(), self._greylist(), self._relay()):
                stack.enter_context(server)
            yield self

    def mailbox(self, name: str) -> list[EmailMessage]:
        """What arrived for somebody so far."""
        return [message_from_bytes(mail, policy=policy.SMTP) for mail in self.raw(name)]

    def raw(self, name: str) -> list[bytes]:
        found = (self.folder / "homes" / name / "Maildir").glob("new/*")
        return [path.read_bytes() for path in sorted(found)]

    def settle(self, seconds: float = 30) -> None:
        """Wait until nothing is under way any more."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self._queued():
                return
            time.sleep(0.1)
        log = (self.folder / "postfix.log").read_text(errors="replace")
        raise AssertionError(f"Postfix still holds mails:\n{log}")

    def _queued(self) -> bool:
        queues = (self.folder / "queue" / name for name in ("maildrop", "incoming", "active", "deferred"))
        return any(path.is_file() for queue in queues for path in queue.rglob("*"))

    def sieve(self, name: str, script: str) -> None:
        """Give somebody rules of his own."""
        home = self.folder / "homes" / name
        home.mkdir(exist_ok=True)
        (home / ".dovecot.sieve").write_text(script)
        for path in (home, home / ".dovecot.sieve"):
            shutil.chown(path, "mail", "mail")

    def _folder(self, name: str, owner: str = "root") -> Path:
        made = self.folder / name
        made.mkdir()
        shutil.chown(made, owner)
        return made

    def _file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def _dovecot(self) -> AbstractContextManager[None]:
        homes, run = self._folder("homes", "mail"), self._folder("dovecot")
        config = self._file(
            "dovecot.conf",
            _DOVECOT.format(
                homes=homes, run=run, log=self.folder / "dovecot.log", lmtp=self._lmtp, port=self.port
            ),
        )
        log = self.folder / "dovecot.out"
        return running("/usr/sbin/dovecot", "-F", "-c", config, port=self._lmtp, log=log)

    def _dkim(self) -> AbstractContextManager[None]:
        keys = self._file("keys", "".join(f"{name} {text}\n" for name, text in self.keys.items()))
        config = self._file("opendkim.conf", _OPENDKIM.format(port=self._opendkim, keys=keys, host=HOST))
        log = self.folder / "opendkim.log"
        return running("/usr/sbin/opendkim", "-f", "-x", config, port=self._opendkim, log=log)

    def _greylist(self) -> AbstractContextManager[None]:
        known = self._folder("postgrey", "postgrey")
        nobody = self._file("nobody", "")
        return running(
            *("/usr/sbin/postgrey", f"--inet=127.0.0.1:{self._postgrey}", "--delay=3", f"--dbdir={known}"),
            *(f"--whitelist-clients={nobody}", f"--whitelist-recipients={nobody}"),
            *("--user=postgrey", "--group=postgrey", f"--pidfile={known}/pid"),
            port=self._postgrey,
            log=self.folder / "postgrey.log",
        )

    def _relay(self) -> AbstractContextManager[None]:
        config = self._folder("postfix")
        queue, data = self._folder("queue"), self._folder("data", "postfix")
        values = {"host": HOST, "queue": queue, "data": data, "log": self.folder / "postfix.log"}
        ports = {"lmtp": self._lmtp, "postgrey": self._postgrey, "opendkim": self._opendkim}
        (config / "main.cf").write_text(_MAIN.format(**values, **ports))
        (config / "master.cf").write_text(_MASTER.format(port=self.port, grey=self.grey, **ports))
        # `postfix start-fg` would leave its master behind when it is ended.
        subprocess.run(["/usr/sbin/postfix", "-c", config, "check"], check=True, timeout=30)
        master = (f"{_POSTFIX}/master", "-s", "-c", str(config))
        return running(*master, port=self.port, log=self.folder / "postfix.out")


_DOVECOT = """\
protocols = lmtp
listen = 127.0.0.1
base_dir = {run}
state_dir = {run}
log_path = {log}
ssl = no
first_valid_uid = 1
mail_location = maildir:~/Maildir
postmaster_address = postmaster@example.net
hostname = imap.example.net
submission_host = 127.0.0.1:{port}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={homes}/%Ln allow_all_users=yes
}}
protocol lmtp {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:~/sieve;active=~/.dovecot.sieve
}}
"""
_OPENDKIM = """\
Mode v
Socket inet:{port}@127.0.0.1
UserID opendkim
Syslog no
AuthservID {host}
AlwaysAddARHeader yes
InternalHosts 192.0.2.1
TestDNSData file:{keys}
"""
_MAIN = """\
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
maillog_file = {log}
maillog_file_prefixes = {log}
myhostname = {host}
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
lmtp_dns_support_level = disabled
default_transport = error:5.1.2 nobody is there
virtual_mailbox_domains = example.org, example.net
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
smtpd_milters = inet:127.0.0.1:{opendkim}
milter_default_action = tempfail
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{grey} inet n - n - - smtpd
  -o {{ smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{postgrey}, permit }}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
