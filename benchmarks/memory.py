"""Peak memory of a process."""

import re
import resource
from pathlib import Path


def peak_mebibytes() -> float:
    """Peak resident memory of this process.

    Linux counts it in VmHWM. `ru_maxrss`, which other systems give, includes the peak of the parent process.
    """
    status = Path("/proc/self/status")
    peak = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text("utf-8"), re.MULTILINE) if status.is_file() else None
    kibibytes = int(peak[1]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes / 1024
