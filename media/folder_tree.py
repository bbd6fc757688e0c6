"""The listing of a folder that stands before its files: a tree with sizes, summed up where it would be too long.

A space for each level, and no lines drawn: those would cost as many tokens as the names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from media.faces import file_size
from media.probe import shown_path
from media.types import FolderFile, LeftOut


def tree_lines(files: Sequence[FolderFile], max_lines: int) -> list[str]:
    """One line for each file and folder; what lies too deep to fit is one line for its folder.

    Args:
        files: in order, so that what is in one folder stands together.
        max_lines: more are given only where the files at the top alone are more.
    """
    depth = _depth_that_fits(files, max_lines)
    lines: list[str] = []
    said: set[str] = set()  # folders that have their line
    summed = _sums(files, depth)
    for file in files:
        names = file.path.removesuffix("/").split("/")
        for level in range(1, min(len(names), depth + 1)):
            folder = "/".join(names[:level])
            if folder not in said:
                said.add(folder)
                sum_of = f" {summed[folder]}" if level == depth and folder in summed else ""
                lines.append(f"{' ' * (level - 1)}{shown_path(names[level - 1])}/{sum_of}")
        if len(names) <= depth:
            lines.append(" " * (len(names) - 1) + _line(file))
    return lines


def _line(file: FolderFile) -> str:
    is_folder = file.path.endswith("/")
    name = shown_path(file.path.removesuffix("/").rpartition("/")[2]) + ("/" if is_folder else "")
    size = [] if is_folder or file.left_out in (LeftOut.LINK, LeftOut.EMPTY) else [file_size(file.num_bytes)]
    return f"{name} {', '.join([*size, *([file.left_out.value] if file.left_out else [])])}".rstrip()


def _depth_that_fits(files: Sequence[FolderFile], max_lines: int) -> int:
    """How many levels are listed."""
    per_level: Counter[int] = Counter()
    folders: set[str] = set()
    for file in files:
        names = file.path.removesuffix("/").split("/")
        per_level[len(names)] += 1
        folders.update("/".join(names[:level]) for level in range(1, len(names)))
    for folder in folders:
        per_level[folder.count("/") + 1] += 1
    depth, num_lines = 1, per_level[1]
    while depth < max(per_level, default=1) and num_lines + per_level[depth + 1] <= max_lines:
        depth += 1
        num_lines += per_level[depth]
    return depth


def _sums(files: Sequence[FolderFile], depth: int) -> dict[str, str]:
    """What the folders at the last level that is listed hold, where that is not listed."""
    numbers: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for file in files:
        names = file.path.removesuffix("/").split("/")
        if len(names) > depth:
            folder = "/".join(names[:depth])
            numbers[folder] += 1
            sizes[folder] += file.num_bytes
    return {folder: f"{number:,} files, {file_size(sizes[folder])}" for folder, number in numbers.items()}
