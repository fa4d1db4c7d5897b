"""Processes in groups of their own: what is left when one of them is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from engine import processes
from tests.patience import until

SHARED = Path("/dev/shm")
SHARING = """
import multiprocessing, time
from multiprocessing.shared_memory import SharedMemory

def work():
    time.sleep(900)

if __name__ == "__main__":
    memory = SharedMemory(create=True, size=4096)
    worker = multiprocessing.get_context("spawn").Process(target=work)
    worker.start()
    print(memory.name, worker.pid, flush=True)
    time.sleep(900)
"""


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared memory is no folder on this system")
def test_what_a_killed_process_shared_with_its_workers_is_given_back_and_they_end(tmp_path):
    (tmp_path / "sharing.py").write_text(SHARING)
    command = [sys.executable, str(tmp_path / "sharing.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as begun:
        processes.remember(tmp_path, begun.pid)
        name, worker = begun.stdout.readline().split()
        assert (SHARED / name).exists()
        os.kill(begun.pid, signal.SIGKILL)
        begun.wait()
        processes.sweep(tmp_path)
        until(lambda: not lives(int(worker)))
        until(lambda: not (SHARED / name).exists())
