"""Keys that sign mails: made, named in the settings, and told when they will not do."""

import re
import stat
from pathlib import Path

import pytest

from engine import app, settings
from engine.core import errors
from tests.cli.command import parcours

FROM = "Parcours <parcours@Exämple.org>"


@pytest.mark.parametrize("options", [(), ("--ed25519",)])
def test_a_key_is_made_for_the_service_alone(tmp_path: Path, options: tuple[str, ...]) -> None:
    file = tmp_path / "key.pem"
    made = parcours("dkim", "generate", "p2027", str(file), *options, PARCOURS_FROM=FROM)
    assert made.code == 0, made.err
    assert made.out.startswith("p2027._domainkey.xn--exmple-cua.org. IN TXT (")
    assert f"k={'ed25519' if options else 'rsa'};" in made.out
    assert f"p2027:{file}" in made.err
    assert re.search(
        r"name p2027\._domainkey\.xn--exmple-cua\.org, value v=DKIM1; k=\w+; p=[\w+/=]+\n", made.err
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = settings.load(dkim_keys=f"p2027:{file}", PARCOURS_FROM=FROM)
    assert (
        parcours("dkim", "generate", "p2028", str(file), PARCOURS_FROM=FROM).code == 1
    )  # it is never overwritten
    assert app.signer(found) is not None


def test_a_domain_that_no_dns_knows_has_no_key(tmp_path: Path) -> None:
    made = parcours("dkim", "generate", "p2027", str(tmp_path / "key.pem"))
    assert (made.code, "PARCOURS_FROM" in made.err) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_without_keys_nothing_is_signed() -> None:
    assert app.signer(settings.load()) is None


@pytest.mark.parametrize("keys", ["p2027", "p2027:", "/etc/key.pem", "p2027:a.pem, p2027:b.pem"])
def test_keys_are_named_by_their_selectors(keys: str) -> None:
    with pytest.raises(errors.Invalid, match=r"PARCOURS_DKIM_KEYS: .*SELECTOR:FILE"):
        settings.load(dkim_keys=keys)


def test_a_key_that_will_not_do_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    for name, told in (("none.pem", "no private key"), ("gone.pem", "cannot be read")):
        keys, serve = f"p2027:{tmp_path / name}", ("serve", "--database", f"sqlite:///{tmp_path}/x.db")
        done = parcours(*serve, PARCOURS_DKIM_KEYS=keys, PARCOURS_CONTROLLER="X", PARCOURS_FROM=FROM)
        assert done.code == 1
        assert name in done.err
        assert told in done.err
