"""A new partition of the data has come."""

from __future__ import annotations

import fnmatch
from datetime import datetime

import pyarrow as pa
from pyarrow import fs

from service.core.errors import InvalidError
from service.jobs.data_roots import require_allowed
from service.schemas.common import storable
from service.schemas.conditions import Facts, Freshness
from service.settings import Settings
from service.triggers.condition import Condition, Observation, ObservationError


class FreshnessCondition(Condition[Freshness]):
    """Looks for a partition that is newer than the newest one known."""

    def check(self, settings: Settings) -> None:
        require_allowed(self.options.folder, settings, "when.pattern")

    def gather_facts(self, settings: Settings, facts: Facts) -> Facts:
        if facts.partition is not None:
            return facts
        try:
            self.check(settings)
            return facts.model_copy(update={"partition": self._newest()})
        except InvalidError as error:
            raise ObservationError(error.detail) from None
        except (OSError, pa.ArrowException, ValueError) as error:
            raise ObservationError(f"{self.options.folder} can't be listed: {str(error)[:300]}") from None

    def _newest(self) -> str:
        """The last by name of what is complete; empty where nothing is."""
        store, path = _opened(self.options.folder)
        names = self.options.pattern.rpartition("/")[2]
        listed = (entry.base_name for entry in store.get_file_info(fs.FileSelector(path, allow_not_found=True)))
        shown = (name for name in listed if fnmatch.fnmatchcase(name, names) and not name.startswith(("_", ".")))
        found = sorted(filter(storable, shown), reverse=True)
        return next((name for name in found if self._complete(store, f"{path}/{name}")), "")

    def _complete(self, store: fs.FileSystem, path: str) -> bool:
        marker = self.options.marker
        return marker is None or store.get_file_info(f"{path}/{marker}").type is fs.FileType.File

    def observe(self, facts: Facts, now: datetime) -> Observation:
        newest, last = facts.partition or "", facts.last_partition
        observed = {"newest": newest, "last": last}
        if last is None:
            return Observation(False, "first look; what is there is known", observed, {"partition": newest}, start=True)
        place = f"{self.options.folder}/{newest}"
        if newest > last:
            return Observation(True, f"new partition {newest}", observed, {"partition": newest}, place)
        return Observation(False, f"no partition newer than {last}" if last else "no partition yet", observed)


def _opened(folder: str) -> tuple[fs.FileSystem, str]:
    """The file system that a folder is in, and its path there."""
    if folder.startswith("/"):
        return fs.LocalFileSystem(), folder
    store, path = fs.FileSystem.from_uri(folder)
    return store, path
