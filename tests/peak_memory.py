"""Peak memory of a test's child process, measured so that it can be too much."""

from __future__ import annotations

# Source text for the child. Not ru_maxrss: that starts from what the process that started this
# one had before the exec, so a child of a large test run would never be seen to grow.
PEAK = '''
def peak_mib():
    """The most memory this process has held so far, in MiB."""
    import re
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) // 1024
'''
