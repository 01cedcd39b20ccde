"""`parcours dkim …`: keys that sign mails."""

from pathlib import Path
from typing import Annotated

import typer

from engine import app as application
from engine.cli import common

app = typer.Typer(no_args_is_help=True, help="Keys that sign mails (DKIM).")


@app.command()
def generate(
    selector: Annotated[str, typer.Argument(help="The name of the key in the DNS; never one used before.")],
    file: Annotated[Path, typer.Argument(help="Where the private key goes; readable by the service.")],
    ed25519: Annotated[bool, typer.Option("--ed25519", help="Beside an RSA key, never alone.")] = False,
) -> None:
    """Make a key (RSA-2048) and print its line for the DNS, in the domain of PARCOURS_FROM."""
    from engine.mail import dkim  # here: OpenSSL takes memory that most processes need not

    domain = application.signing_domain(common.load())
    pem = dkim.generate("ed25519" if ed25519 else "rsa")
    key = dkim.read(selector, pem)
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(pem)
    typer.echo(dkim.record(key, domain))
    typer.echo(
        f"In a provider's form: type TXT, name {dkim.owner(selector, domain)}, value {dkim.value(key)}\n"
        f"Once the DNS answers with it, add {selector}:{file.absolute()} to PARCOURS_DKIM_KEYS; "
        "`parcours doctor` then compares the two.",
        err=True,
    )
