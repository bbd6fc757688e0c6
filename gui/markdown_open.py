"""Text that is still being written, made presentable: what is unfinished is closed or held back, for display only.

Nothing here changes what an answer is in the end; it only keeps half a mark from flashing by. "**bo" is shown bold
before its closing stars arrive, and a line that so far is nothing but "-" or "##" or "``" is not shown at all.
"""

from __future__ import annotations

import re

# A last line of which only the marks have arrived: a heading, an item, a rule, a fence, emphasis, the rule of a table.
_ONLY_MARKS = re.compile(r"[\s>]*(?:#{1,6}|[*_]{1,3}|[-+=]+|~{1,2}|`{1,2}|\d{1,9}[.)]?|\\|\$|\[|!\[?)?\s*")
_TABLE_ROW = re.compile(r"[ >]*\|.*")
_DELIMITERS = re.compile(r"[ >]*\|[\s|:-]*")
_OPEN_LINK = re.compile(r"!?\[([^\[\]]{0,500})\](?:\([^()\s]{0,2000})?$")
_RUN = re.compile(r"\\.|`+|\*+|_+|~~", re.DOTALL)


def presentable(tail: str) -> str:
    """The open end of a text without the last line's lone marks; the beginning of a table is completed."""
    head, newline, last = tail.rpartition("\n")
    if _ONLY_MARKS.fullmatch(last):
        return head + newline
    if not _TABLE_ROW.fullmatch(last):
        return tail
    before = head.rpartition("\n")[2]
    if not _TABLE_ROW.fullmatch(before):
        return head + newline  # the first row: as text it would be a row of bars
    if _DELIMITERS.fullmatch(last) and not _is_inside_table(head):
        return f"{head}\n{_delimiters_for(before)}"
    return tail


def _is_inside_table(head: str) -> bool:
    """Whether the line before the last is a row already, so that an empty row is not mistaken for the delimiters."""
    lines = head.rsplit("\n", 2)
    return len(lines) > 1 and bool(_TABLE_ROW.fullmatch(lines[-2]))


def _delimiters_for(header: str) -> str:
    cells = header.strip(" >").strip().strip("|").count("|") + 1
    quotes = header[: len(header) - len(header.lstrip(" >"))]
    return quotes + "|" + "---|" * cells


def close_inline(content: str) -> str:
    """A stretch of text with its open code, emphasis and link closed."""
    content = _OPEN_LINK.sub(lambda link: link[1], content)
    closers = _open_marks(content)
    text = content.rstrip()
    if not closers:
        return content
    while closers and text.endswith(closers[-1]) and _stands_alone(text, closers[-1]):
        text = text[: -len(closers.pop())].rstrip()  # nothing is inside it yet
    return text + "".join(reversed(closers))


def _stands_alone(text: str, mark: str) -> bool:
    return len(text) == len(mark) or text[-len(mark) - 1] not in "`*_~"


def _open_marks(content: str) -> list[str]:
    """The marks that are open at the end, outermost first."""
    stack: list[str] = []
    position = 0
    while match := _RUN.search(content, position):
        mark, position = match[0], match.end()
        if mark[0] == "\\":
            continue
        if mark[0] == "`":
            closing = re.compile(rf"(?<!`){mark}(?!`)").search(content, position)
            if closing is None:
                return [*stack, mark]
            position = closing.end()
        else:
            _open_or_close(stack, mark, content[match.start() - 1 : match.start()], content[position : position + 1])
    return stack


def _open_or_close(stack: list[str], mark: str, before: str, after: str) -> None:
    can_close = bool(before) and not before.isspace()
    can_open = not after.isspace() and not (mark[0] == "_" and before.isalnum())
    if can_close and stack and stack[-1][0] == mark[0]:
        opened = stack.pop()
        if len(opened) > len(mark):
            stack.append(opened[: len(opened) - len(mark)])
    elif can_open and len(mark) <= 3:
        stack.append(mark)
