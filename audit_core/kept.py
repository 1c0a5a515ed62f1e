"""What a generator leaves in a pack besides rows: what is claimed of them, and the fitted generator itself."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from audit_core import exchange, pack
from audit_core.errors import PackError
from audit_core.guarantee import Guarantee
from audit_core.ledger_words import code
from audit_core.model_folder import DIGESTS, listed
from audit_core.pack import copy_early, write_early


def ledger_of(folder: Path) -> Guarantee | None:
    """What is claimed of the release that a pack's run made; None where nothing is.

    Raises:
        PackError: The ledger is none.
    """
    path = folder / pack.LEDGER
    return Guarantee.from_json(path.read_bytes()) if path.is_file() else None


def forget(folder: Path) -> None:
    """Takes away what an earlier attempt left: its claim, perhaps of another generator, is none of this one.

    What a training spent that stopped is kept beside: it is spent, and its stop was told.
    """
    try:
        claim = ledger_of(folder)
    except PackError:
        claim = None
    if claim is not None and claim.stopped is not None:
        (folder / pack.LEDGER).replace(folder / pack.STOPPED_LEDGER)
    (folder / pack.LEDGER).unlink(missing_ok=True)
    shutil.rmtree(folder / pack.MODEL, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """Puts into a pack what a generator leaves besides rows.

    Attributes:
        pack: The pack's folder.
        completed: Adds to a claim what the generator cannot know of.
        besides: Files to put beside those of the fitted generator, by name.
    """

    pack: Path
    folders: exchange.Folders
    completed: Callable[[Guarantee], Guarantee] = lambda claim: claim
    besides: Mapping[str, bytes] = field(default_factory=dict)

    def ledger_from(self, folder: Path) -> None:
        """The claim, also of a training that failed: what was spent stays spent."""
        with suppress(PackError):
            if (claim := exchange.read_guarantee(folder)) is not None:
                claim = self.completed(claim)
                if (self.pack / pack.STOPPED_LEDGER).exists():
                    claim = replace(claim, earlier_releases=code("stopped-attempt"))
                write_early(self.pack / pack.LEDGER, claim.to_json())

    def model_from(self, folder: Path) -> None:
        """The plain files of the fitted generator, and the list of their digests."""
        place = self.pack / pack.MODEL
        there = sorted((folder / exchange.MODEL).glob("*"))
        files = [path for path in there if path.is_file() and not path.is_symlink()]
        for path in files:
            copy_early(path, place / path.name)
        if files:
            for name, data in self.besides.items():
                write_early(place / name, data)
            write_early(place / DIGESTS, listed(place))
