"""Files named by a recipe: kept inside its folder, regular files only, read in one go."""

import errno
import hashlib
import io
import os
import stat
from pathlib import Path, PurePath

from audit_core.errors import InputError, Problem

MAX_FILE_BYTES = 4 * 2**30
MAX_COLUMNS = 4096


def resolve(written: str, folder: Path, *, where: str, allow_outside: bool) -> Path:
    """The file that a recipe means, links followed.

    Args:
        written: The path as written; relative to `folder`.
        folder: Where it has to stay, unless `allow_outside`.
        where: What to call the place in a problem.

    Raises:
        InputError: The path leaves the folder, by itself or through a link, or is no path.
    """
    if not written or "\0" in written:
        raise _problem("path-invalid", "not a path", where, "Write the name of a file")
    if written.startswith("~"):
        raise _problem("path-invalid", "`~` is not expanded", where, "Write the path out")
    inside = "Put the file beside the recipe, or run again with --allow-outside"
    if not allow_outside and (PurePath(written).is_absolute() or ".." in PurePath(written).parts):
        raise _problem("path-outside", "the path leaves the recipe's folder", where, inside)
    try:
        resolved = (folder / written).resolve()
        home = folder.resolve()
    except (OSError, RuntimeError):  # a loop of links, a name too long
        raise _problem("path-invalid", "the path cannot be followed", where, "Name the file itself") from None
    if not allow_outside and not resolved.is_relative_to(home):
        raise _problem("path-outside", "a link leads out of the recipe's folder", where, inside)
    return resolved


def read_file(path: Path, where: str) -> bytes:
    """The bytes of a regular file that `resolve` gave; a link put in its place meanwhile is not followed.

    Raises:
        InputError: There is no such file, it is a folder, a device or a pipe, it may not be read or is too large.
    """
    with _opened(path, where) as file:
        return file.read()


def file_digest(path: Path, where: str) -> str:
    """ "sha256:" and the hex digest of a regular file's bytes.

    Raises:
        InputError: As `read_file`.
    """
    with _opened(path, where) as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _opened(path: Path, where: str) -> io.BufferedReader:
    # O_NONBLOCK: opening a pipe nobody writes to would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        raise _problem("file-missing", "there is no such file", where, "Check the name and the folder") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise _problem("file-missing", "the name is too long for a file", where, "Check the name") from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise _problem("file-unreadable", "the file may not be read", where, "Check its permissions") from None
        raise _problem("file-unreadable", "the file cannot be opened", where, "Name a regular file") from None
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise _problem("file-not-regular", "this is a folder", where, "Name one file")
        if not stat.S_ISREG(status.st_mode):
            raise _problem("file-not-regular", "this is a device, pipe or socket", where, "Name a regular file")
        if status.st_size > MAX_FILE_BYTES:
            size = f"the file has {status.st_size:,} bytes, more than {MAX_FILE_BYTES:,}"
            raise _problem("file-too-large", size, where, "Audit a random sample of the rows")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _problem(code: str, what: str, where: str, fix: str) -> InputError:
    return InputError(Problem(code=code, what=what, where=where, fix=fix))
