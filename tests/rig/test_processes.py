import math
import socket
import threading

import pytest

from tests.rig.redis_client import Redis, StoreError, encode
from tests.rig.scoring import psi
from tests.rig.watch import pairs, tcp_counters

TENTHS = [number / 10 for number in range(1, 10)]


def test_the_same_distribution_has_hardly_drifted_and_another_has():
    same = [(number + 0.5) / 300 for number in range(300)]

    assert psi(same, TENTHS) < 0.01
    assert psi([value / 3 for value in same], TENTHS) > 1.0


def test_drift_of_a_few_values_is_not_judged():
    assert math.isnan(psi([0.5] * 49, TENTHS))


def test_the_kernels_files_are_read_by_name():
    snmp = "Ip: Forwarding\nIp: 1\nTcp: OutSegs RetransSegs MaxConn\nTcp: 120 7 -1\nUdp: InDatagrams\nUdp: 3\n"

    assert tcp_counters(snmp)["RetransSegs"] == 7
    assert pairs("nr_periods 5\nnr_throttled 2\n") == {"nr_periods": 5, "nr_throttled": 2}


def test_a_command_counts_bytes_and_not_letters():
    assert encode(("SET", "é")) == b"*2\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n"


@pytest.fixture
def answering():
    """A store on loopback that answers each connection with given bytes, then nothing more."""
    opened = []

    def start(reply):
        listening = socket.create_server(("127.0.0.1", 0))
        opened.append(listening)

        def serve():
            connection, _ = listening.accept()
            opened.append(connection)
            connection.recv(1024)
            connection.sendall(reply)

        threading.Thread(target=serve, daemon=True).start()
        return Redis("127.0.0.1", listening.getsockname()[1], timeout_s=0.3)

    yield start
    for one in opened:
        one.close()


@pytest.mark.enable_socket
def test_a_missing_field_is_none(answering):
    with answering(b"*2\r\n$3\r\n0.5\r\n$-1\r\n") as store:
        assert store.ask(("HMGET", "account:1", "velocity", "risk")) == [[b"0.5", None]]


@pytest.mark.enable_socket
@pytest.mark.parametrize("reply", [pytest.param(b"", id="silence"), pytest.param(b"-ERR no\r\n", id="an error")])
def test_a_store_that_does_not_answer_raises_within_its_deadline(answering, reply):
    with answering(reply) as store, pytest.raises(StoreError):
        store.ask(("GET", "x"))
