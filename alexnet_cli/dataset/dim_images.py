"""What to say of images that are nearly black, for they use little of their range."""

from collections.abc import Sequence


def remark(dim: Sequence[int]) -> str:
    """What to say of images whose highest levels, far below the top, are `dim`."""
    highest = max(dim)
    level = fitting(highest)
    return (
        f"{len(dim)} image(s) use less than an eighth of their range; "
        f"--white-level {level} makes {level} white (their highest level is {highest})"
    )


def fitting(highest: int) -> int:
    """The white level for images whose highest level is this: of as few bits as hold it."""
    level: int = 2 ** highest.bit_length() - 1
    return level
