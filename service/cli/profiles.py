"""Servers by name, with their keys, in the user's own configuration.

    default = "prod"

    [profiles.prod]
    url = "https://winnow.example.com"
    key = "wnw_…"

A command's server is that of `--url`; else of the profile that `--profile` or WINNOW_PROFILE names; else WINNOW_URL;
else that of the default profile; else the one on this machine. The key is that of the named profile; else
WINNOW_API_KEY; else that of the default profile, for its own server alone.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path

LOCAL = "http://127.0.0.1:8080"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Profile:
    """A server and the key for it; an empty key is none."""

    url: str
    key: str = ""


@dataclass
class Profiles:
    """What is stored; `default` is the name of one, or empty."""

    default: str = ""
    profiles: dict[str, Profile] = field(default_factory=dict)

    def get(self, name: str) -> Profile:
        """Raises ValueError with the names there are."""
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles)) or "none yet"
            raise ValueError(f"profile: there is no {name!r} ({known}); `winnow login URL --name {name}` makes it")
        return self.profiles[name]


@dataclass(frozen=True)
class Place:
    """The server of a command; `profile` is the name of the profile that brought it, or None."""

    url: str
    key: str
    profile: str | None = None


def path() -> Path:
    """`$XDG_CONFIG_HOME/winnow/profiles.toml`, by default in ~/.config."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # A process of a user that the machine doesn't know has no home: `~` then stays as it is, and names no file.
    folder = base if base.startswith("/") else os.path.expanduser("~/.config")  # noqa: PTH111
    return Path(folder) / "winnow" / "profiles.toml"


def load() -> Profiles:
    """Raises ValueError for a file that isn't one of these."""
    try:
        content = tomllib.loads(path().read_text(encoding="utf-8"))
        profiles = {name: Profile(**each) for name, each in content.get("profiles", {}).items()}
        return Profiles(content.get("default", ""), profiles)
    except (FileNotFoundError, NotADirectoryError):
        return Profiles()
    except OSError as error:
        raise ValueError(f"{path()}: can't be read ({error.strerror}); mend it, or take it away") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path()}: no profiles ({error}); mend it, or take it away and log in again") from None


def save(found: Profiles) -> None:
    """Replace the file whole; nobody else can read it at any time. Raises ValueError where it can't be written."""
    lines = [f"default = {_text(found.default)}"] if found.default else []
    for name, profile in sorted(found.profiles.items()):
        lines += ["", f"[profiles.{name}]", *(f"{key} = {_text(value)}" for key, value in asdict(profile).items())]
    try:
        path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # mkstemp's files are its user's alone.
        descriptor, temporary = tempfile.mkstemp(dir=path().parent, prefix=".profiles-")
    except OSError as error:
        raise ValueError(
            f"{path()}: can't be written ({error.strerror}); set XDG_CONFIG_HOME to a folder that can, "
            "or give WINNOW_URL and WINNOW_API_KEY instead of logging in"
        ) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write("\n".join(lines).lstrip("\n") + "\n")
        Path(temporary).replace(path())
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_name(name: str) -> None:
    """Raises ValueError for a name that can't be a profile's."""
    if not NAME.fullmatch(name):
        raise ValueError(f"name: {name!r} can't be a profile's; take letters, digits, - and _")


def choose(profile: str | None, url: str | None) -> Place:
    """The server of a command, by its options `--profile` and `--url`. Raises ValueError."""
    environment = os.environ.get("WINNOW_API_KEY", "")
    if profile and url:
        raise ValueError("--profile and --url both name a server; give one of them")
    if url:
        return Place(url, environment)
    stored = load()
    if profile := profile or os.environ.get("WINNOW_PROFILE"):
        found = stored.get(profile)
        return Place(found.url, found.key or environment, profile)
    if given := os.environ.get("WINNOW_URL"):
        return Place(given, environment)
    if stored.default in stored.profiles:
        found = stored.get(stored.default)
        return Place(found.url, environment or found.key, stored.default)
    return Place(LOCAL, environment)


def _text(value: str) -> str:
    """A TOML string: JSON's escapes are TOML's, but for DEL, which only TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
