"""`parcours doctor`: is everything right, and if not, what is the cure?"""

import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from engine import observe
from engine import settings as settings_module
from engine.cli import common
from engine.clock import SystemClock
from engine.core import errors
from engine.doctor.finding import GROUPS, Check, Verdict

_SHOWN = {
    Verdict.OK: ("ok", typer.colors.GREEN),
    Verdict.WARNING: ("warning", typer.colors.YELLOW),
    Verdict.ERROR: ("ERROR", typer.colors.RED),
    Verdict.NOT_CHECKED: ("not checked", typer.colors.BRIGHT_BLACK),
}


def doctor(
    mail: Annotated[
        Path | None,
        typer.Option("--mail", help="The source of a lesson as it arrived in a mailbox: a file."),
    ] = None,
    send_to: Annotated[
        str, typer.Option("--send-to", help="Send lesson 1, as it leaves, to this mailbox of yours.")
    ] = "",
    address: Annotated[
        list[str] | None, typer.Option("--address", help="IP address that mails leave from; may be repeated.")
    ] = None,
    resolver: Annotated[
        str, typer.Option("--resolver", help="ADDRESS:PORT of a DNS server; this machine's own if not given.")
    ] = "",
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Check DNS, relay, public address and ledger; exit code 1 when there is an error."""
    from engine.doctor import examination  # here: OpenSSL and the DNS are memory that a worker need not have
    from engine.doctor.resolver import Resolver  # as above

    given = {"database_url": database} if database else {}
    found, wrong = settings_module.as_far_as_right(**given)
    observe.configure(found.log_format)
    case = examination.Case(
        settings=found,
        clock=SystemClock(),
        resolver=Resolver(resolver),
        tls=ssl.create_default_context(),  # SSL_CERT_FILE names other authorities
        wrong=wrong,
        senders=tuple(map(_address, address or ())),
        received=mail.read_bytes() if mail else b"",
        send_to=send_to,
    )
    checks = common.run(examination.run(case))
    well = not any(check.finding.verdict == Verdict.ERROR for check in checks)
    if as_json:
        common.print_json({"ok": well, "checks": [_as_json(check) for check in checks]})
    else:
        _print(checks)
    if not well:
        raise typer.Exit(1)


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise errors.Invalid(f"--address {text}: that is no IP address.") from None


def _as_json(check: Check) -> dict[str, str]:
    found = check.finding
    return {"name": check.name, "verdict": found.verdict, "found": found.found, "cure": found.cure}


def _print(checks: Sequence[Check]) -> None:
    """A line a check, its cure below; typer takes the colours off where nobody sees them."""
    told = {check.name: check for check in checks}
    for group, names in GROUPS.items():
        typer.echo(typer.style(group, bold=True))
        for check in (told[name] for name in names if name in told):
            word, colour = _SHOWN[check.finding.verdict]
            typer.echo(f"  {typer.style(f'{word:12}', fg=colour)}{check.name:19}{check.finding.found}")
            if check.finding.cure:
                typer.echo(f"{'':33}→ {check.finding.cure}")
    counts = [(sum(each.finding.verdict == verdict for each in checks), verdict) for verdict in _SHOWN]
    typer.echo(", ".join(f"{n} {_SHOWN[verdict][0].lower()}" for n, verdict in counts))
