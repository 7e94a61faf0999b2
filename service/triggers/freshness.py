"""A new partition of the data has come."""

from __future__ import annotations

import fnmatch
from datetime import datetime
from typing import Annotated, Literal

import pyarrow as pa
from pyarrow import fs
from pydantic import ConfigDict, Field, field_validator

from service.api.problems import ApiError
from service.jobs.data_roots import allowed
from service.schemas.common import StoredText, storable
from service.settings import Settings
from service.triggers.condition import Condition, Facts, Observation, ObservationError


class Freshness(Condition):
    """A directory has a partition newer than the newest one known. Newer is what comes later by name.

    Partitions that are there at the first look start nothing. In the job's overrides `{partition}` is the new
    partition's path or URI.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "freshness", "pattern": "s3://lake/clicks/dt=*", "marker": "_SUCCESS"}]
        }
    )

    kind: Literal["freshness"] = "freshness"
    pattern: Annotated[str, Field(max_length=1000)] = Field(
        description="absolute path or URI of partitions, with `*` in its last segment"
    )
    marker: Annotated[StoredText, Field(min_length=1, pattern=r"^[^/]+$")] | None = Field(
        default=None, description="a file that a partition holds once it is complete; none is waited for unless given"
    )

    @field_validator("pattern")
    @classmethod
    def _has_a_folder_and_names(cls, pattern: str) -> str:
        folder, _, names = pattern.rpartition("/")
        if not storable(pattern) or not folder or "*" not in names or any(mark in folder for mark in "*?[]"):
            raise ValueError(f"{pattern!r} can't be listed; give a folder and names with `*`, as in /data/clicks/dt=*")
        return pattern

    @property
    def folder(self) -> str:
        return self.pattern.rpartition("/")[0]

    def check(self, settings: Settings) -> None:
        allowed(self.folder, settings, "when.pattern")

    def look(self, settings: Settings, facts: Facts) -> Facts:
        if facts.partition is not None:
            return facts
        try:
            self.check(settings)
            return facts.model_copy(update={"partition": self._newest()})
        except ApiError as error:
            raise ObservationError(error.detail) from None
        except (OSError, pa.ArrowException, ValueError) as error:
            raise ObservationError(f"{self.folder} can't be listed: {str(error)[:300]}") from None

    def _newest(self) -> str:
        """The last by name of what is complete; empty where nothing is."""
        store, path = _opened(self.folder)
        names = self.pattern.rpartition("/")[2]
        listed = (entry.base_name for entry in store.get_file_info(fs.FileSelector(path, allow_not_found=True)))
        shown = (name for name in listed if fnmatch.fnmatchcase(name, names) and not name.startswith(("_", ".")))
        found = sorted(filter(storable, shown), reverse=True)
        return next((name for name in found if self._complete(store, f"{path}/{name}")), "")

    def _complete(self, store: fs.FileSystem, path: str) -> bool:
        return self.marker is None or store.get_file_info(f"{path}/{self.marker}").type is fs.FileType.File

    def observe(self, facts: Facts, now: datetime) -> Observation:
        newest, last = facts.partition or "", facts.last_partition
        observed = {"newest": newest, "last": last}
        if last is None:
            return Observation(False, "first look; what is there is known", observed, {"partition": newest}, start=True)
        place = f"{self.folder}/{newest}"
        if newest > last:
            return Observation(True, f"new partition {newest}", observed, {"partition": newest}, place)
        return Observation(False, f"no partition newer than {last}" if last else "no partition yet", observed)


def _opened(folder: str) -> tuple[fs.FileSystem, str]:
    """The file system that a folder is in, and its path there."""
    if folder.startswith("/"):
        return fs.LocalFileSystem(), folder
    store, path = fs.FileSystem.from_uri(folder)
    return store, path
