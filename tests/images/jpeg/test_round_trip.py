"""Reading and round trips have no effect on other threads, and work after a fork."""

import os
import threading
import time

import numpy as np
import pytest
from PIL import ImageFile

from qimg import images
from qimg.images.jpeg import read_jpeg

NOISE = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
FILE = images.jpeg_round_trip(NOISE, quality=90).file


def test_threads_restore_the_buffer_size():
    before, files = ImageFile.MAXBLOCK, []

    def encode(side: int) -> None:
        files.append(images.jpeg_round_trip(NOISE[:side, :side], quality=100, subsampling="4:4:4").file)

    threads = [threading.Thread(target=encode, args=(side,)) for side in (96, 8, 64, 16) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files) == 16
    assert before == ImageFile.MAXBLOCK


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(
    "work", [lambda: images.jpeg_round_trip(NOISE, quality=100), lambda: read_jpeg(FILE)], ids=["encode", "read"]
)
def test_children_of_a_busy_process_work(work):
    work()
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            work()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        for _ in range(5):
            time.sleep(0.01)
            child = os.fork()
            if child == 0:
                work()
                os._exit(0)
            deadline = time.monotonic() + 200
            while not (done := os.waitpid(child, os.WNOHANG))[0]:
                assert time.monotonic() < deadline, "the child hangs"
                time.sleep(0.002)
            assert os.waitstatus_to_exitcode(done[1]) == 0
    finally:
        stop.set()
        thread.join()
