"""What is said where a scratch file cannot be made or written."""

import tempfile

from ..errors import AlexNetError, printable


def scratch_error(problem: str | OSError, advice: str = "") -> AlexNetError:
    """The error of `problem`, with the folder, and `advice` besides that of another one."""
    if isinstance(problem, OSError):
        problem = problem.strerror or str(problem)
    # Without a folder that can be written to, tempfile.gettempdir raises an error.
    where = f" in {printable(tempfile.tempdir)}" if tempfile.tempdir else ""
    return AlexNetError(
        f"the scratch file{where}: {problem}; set TMPDIR to another folder{advice}"
    )
