"""What of a folder is sent: its files with what each costs, and a person's choice as `ConvertOptions` say it. No Qt.

A choice names a whole folder where nothing of it is wanted: it is then not looked into any more, which makes room where
a folder holds more than may be looked at. What was once seen in it is remembered, so that the map stays whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace

from gui.token_cost import CHARACTERS_PER_TOKEN
from media.types import ConvertOptions, FolderFile, LeftOut, MediaItem, Text

_DEFAULTS = (LeftOut.SECRET, LeftOut.LOCK, LeftOut.GENERATED)  # left out unless somebody takes them in


@dataclass(slots=True)
class FolderMap:
    """What is known of a folder that is attached."""

    options: ConvertOptions
    files: dict[str, FolderFile] = field(default_factory=dict)
    default: dict[str, LeftOut] = field(default_factory=dict)  # how each file is treated if nobody says anything
    tokens: dict[str, int] = field(default_factory=dict)  # of files that were counted by the model
    listing: str = ""

    def take(self, item: MediaItem, options: ConvertOptions) -> None:
        """Take in what the folder became under these options; what was seen of it before stays known."""
        self.options = options
        seen = {file.path: file for file in item.files}
        shut = tuple(path for path in seen if path.endswith("/"))
        kept = {path: each for path, each in self.files.items() if path.startswith(shut) and path not in shut}
        for path in shut:
            if any(name.startswith(path) for name in kept):
                del seen[path]  # its files say more
        self.files = {path: replace(each, left_out=_by_you(each)) for path, each in kept.items()} | {
            path: self._with_size(each) for path, each in seen.items()
        }
        self._note_defaults(item.files)
        first = item.parts[0]
        self.listing = first.text if isinstance(first, Text) else ""

    def _with_size(self, file: FolderFile) -> FolderFile:
        """A file that is left out was not read; what it had before is the best guess."""
        before = self.files.get(file.path)
        return replace(file, num_chars=before.num_chars) if file.left_out and before is not None else file

    def _note_defaults(self, files: Iterable[FolderFile]) -> None:
        for file in files:
            is_taken_in = file.path in self.options.take_in and not file.left_out
            reason = LeftOut.NO if file.left_out is LeftOut.BY_YOU else file.left_out
            self.default.setdefault(file.path, LeftOut.GENERATED if is_taken_in else reason)

    def cost(self, path: str) -> int:
        """Tokens of a file, counted or guessed."""
        if path in self.tokens:
            return self.tokens[path]
        file = self.files[path]
        return round((file.num_chars or (file.num_bytes if file.left_out else 0)) / CHARACTERS_PER_TOKEN)

    @property
    def listing_cost(self) -> int:
        return self.tokens.get("", round(len(self.listing) / CHARACTERS_PER_TOKEN))

    def total(self, paths: Iterable[str]) -> int:
        """Tokens of these files together with the listing."""
        return self.listing_cost + sum(map(self.cost, paths))

    def is_counted(self, paths: Iterable[str]) -> bool:
        """Whether the model has counted all of these."""
        return all(path in self.tokens for path in paths) and "" in self.tokens

    @property
    def chosen(self) -> frozenset[str]:
        """The files that are sent as things are."""
        return frozenset(path for path, file in self.files.items() if not file.left_out)

    @property
    def choosable(self) -> frozenset[str]:
        """The files that a person may leave out or take in."""
        return frozenset(path for path, file in self.files.items() if not file.left_out or file.left_out.is_a_choice)

    def options_for(self, wanted: Set[str]) -> ConvertOptions:
        """The options under which just these files are sent."""
        unwanted = [path for path in self.choosable - wanted if self.default.get(path) not in _DEFAULTS]
        take_in = sorted(path for path in wanted if self.default.get(path) in _DEFAULTS)
        leave_out = sorted(_with_whole_folders(unwanted, self.choosable & wanted))
        return replace(self.options, leave_out=tuple(leave_out), take_in=tuple(take_in))


def _by_you(file: FolderFile) -> LeftOut:
    return file.left_out or LeftOut.BY_YOU


def _with_whole_folders(unwanted: Iterable[str], wanted: Iterable[str]) -> set[str]:
    """Each path, or the outermost folder around it of which nothing is wanted."""
    needed = {folder for path in wanted for folder in folders_of(path)}
    result = set()
    for path in unwanted:
        result.add(next((folder for folder in folders_of(path) if folder not in needed), path))
    return result


def folders_of(path: str) -> list[str]:
    """The folders around a file, the outermost first, each ending in "/"."""
    names = path.removesuffix("/").split("/")[:-1]
    return ["/".join(names[:level]) + "/" for level in range(1, len(names) + 1)]
