"""The first signal is a wish, the second an order."""

import os
import signal
import threading

import pytest
from audiocodec.training.interrupt import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_interrupts(number: signal.Signals) -> None:
    former = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.asked
        os.kill(os.getpid(), number)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
            signal.sigtimedwait([], 1.0)
    assert signal.getsignal(number) is former


def test_handlers_come_back_after_an_error() -> None:
    former = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="of the loop"), StopRequest():
        raise ValueError("of the loop")
    assert signal.getsignal(signal.SIGINT) is former


def test_other_threads_run_without_it() -> None:
    asked: list[bool] = []

    def work() -> None:
        with StopRequest() as stop:
            asked.append(stop.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]
