"""What deploy/ says is true of the program: settings, files, limits."""

import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from engine import settings
from engine.settings import Settings
from engine.web import guard

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
ENV_EXAMPLE = (DEPLOY / "env.example").read_text()
README = (DEPLOY / "README.md").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
UNIT = (DEPLOY / "systemd" / "parcours.service").read_text()
NGINX = (DEPLOY / "nginx" / "parcours.conf").read_text()

CLEAN_STOP_SECONDS = 15
"""5 for pages, 9 for mails in hand, a moment for the rest: whoever kills sooner leaves mails in doubt."""


def default(field: str) -> str:
    value = Settings.model_fields[field].default
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value in (None, (), {}) else str(value)


VARIABLES = {settings.variable(field): field for field in Settings.model_fields}
LINES = {
    name: (bool(commented), value)
    for commented, name, value in re.findall(r'^(#?)(PARCOURS_\w+)="(.*)"$', ENV_EXAMPLE, re.M)
}


def shown(env_file: Path) -> dict[str, str]:
    """The settings in force when a shell has read a file, and nothing else is set."""
    script = f'set -eu; set -a; . "$1"; set +a; exec "{sys.executable}" -m engine settings show --json'
    command = ["env", "-i", "PATH=/usr/bin:/bin", "sh", "-c", script, "sh", str(env_file)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_example_lists_every_setting_and_no_other() -> None:
    assert set(LINES) == set(VARIABLES)
    assert len(re.findall(r"^#?PARCOURS_", ENV_EXAMPLE, re.M)) == len(LINES)


@pytest.mark.parametrize("name", sorted(set(VARIABLES) - {"PARCOURS_CONTROLLER"}))
def test_a_default_in_the_example_is_the_programs_own(name: str) -> None:
    assert LINES[name] == (True, default(VARIABLES[name]))


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_the_example_gives_each_meaning(name: str) -> None:
    above = re.search(rf"^# (.*)\n#?{name}=", ENV_EXAMPLE, re.M)
    assert above
    assert above[1] == Settings.model_fields[VARIABLES[name]].description


def test_the_example_loads_as_it_is_and_the_controller_is_an_example() -> None:
    found = shown(DEPLOY / "env.example")
    assert found["PARCOURS_CONTROLLER"] == LINES["PARCOURS_CONTROLLER"][1]
    assert found["PARCOURS_CONTROLLER"].startswith("EXAMPLE")


def test_the_example_with_every_line_in_force_changes_nothing(tmp_path: Path) -> None:
    everything = tmp_path / "env"
    everything.write_text(re.sub(r"^#(PARCOURS_)", r"\1", ENV_EXAMPLE, flags=re.M))
    assert shown(everything) == shown(DEPLOY / "env.example")


@pytest.mark.parametrize(
    "path", sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".png")
)
def test_every_setting_named_in_deploy_exists(path: Path) -> None:
    named = set(re.findall(r"\bPARCOURS_[A-Z_]*[A-Z]\b", path.read_text()))
    assert named - set(VARIABLES) == set()


def test_the_runbooks_table_of_settings_is_true() -> None:
    rows = re.findall(r"^\| `(PARCOURS_\w+)` \| .+ \|(.*)\|$", README, re.M)
    assert {name: cell.strip(" `") for name, cell in rows} == {
        name: default(field) for name, field in VARIABLES.items()
    }
    assert len(rows) == len(VARIABLES)


def copied() -> list[str]:
    """The sources that the Dockerfile takes from the checkout."""
    found = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    return [source.rstrip("/") for line in found for source in line.split()]


def test_the_image_is_made_of_files_that_exist_and_reach_the_builder() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split("\n")
    let_through = {line.removeprefix("!").rstrip("/") for line in ignored if line.startswith("!")}
    assert set(copied()) == let_through
    assert [source for source in copied() if not (TOP / source).exists()] == []


def test_the_image_has_all_that_the_wheel_is_built_from() -> None:
    with (TOP / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        "pyproject.toml",
        project["project"]["readme"],
        *project["project"]["license-files"],
        *wheel["packages"],
        *wheel["force-include"],
    }
    assert needed <= set(copied())
    version = project["project"]["version"]
    assert COMPOSE["services"]["web"]["image"] == f"parcours:{version}"
    assert f"-t parcours:{version} " in DOCKERFILE


def test_images_are_named_with_a_version() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    images += [service["image"] for service in COMPOSE["services"].values()]
    assert images
    assert [image for image in images if not re.search(r":\d", image)] == []


def seconds(text: Any) -> int:
    return int(str(text).removesuffix("s"))


def test_nobody_kills_before_a_clean_stop() -> None:
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT, re.M)
    assert stop
    assert seconds(stop[1]) > CLEAN_STOP_SECONDS
    assert seconds(COMPOSE["services"]["web"]["stop_grace_period"]) > CLEAN_STOP_SECONDS


def test_the_containers_port_is_the_one_that_is_watched_and_published() -> None:
    port = re.search(r"PARCOURS_PORT=(\d+)", DOCKERFILE)
    assert port
    assert f"127.0.0.1:{port[1]}/readyz" in DOCKERFILE
    assert COMPOSE["services"]["web"]["environment"]["PARCOURS_PORT"] == port[1]
    assert COMPOSE["services"]["web"]["ports"] == [f"127.0.0.1:{port[1]}:{port[1]}"]


def test_the_proxys_log_keeps_no_token() -> None:
    letters = re.search(r"\[(\w+)\]", NGINX)
    assert letters
    assert '"~^/studio" "/studio/-";' in NGINX
    assert {f"/{letter}/" for letter in letters[1]} | {"/studio"} == set(guard.PRIVATE)
    logs = re.findall(r"^\s*access_log (.+);$", NGINX, re.M)
    assert logs
    assert all(fnmatch(log, "* parcours") for log in logs)
    written = re.search(r"^log_format parcours '(.*)';$", NGINX, re.M)
    assert written
    assert not re.search(r"\$(request|request_uri|uri|http_referer)\b", written[1])


def test_the_proxy_lets_through_what_a_form_may_hold() -> None:
    assert f"client_max_body_size {guard.BODY_LIMIT // 1024}k;" in NGINX
    assert f"client_max_body_size {guard.UPLOAD_LIMIT // 1_000_000}m;" in NGINX
