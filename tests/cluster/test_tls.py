"""A scan on a cluster that speaks TLS, with the certificates of Dask's own configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from fleetscan.simulator.scenario import Scenario
from tests.cluster.checks import breaches_of
from tests.cluster.dask_cluster import DaskCluster
from tests.cluster.driven import Driver
from tests.process.azure import Azure
from tests.process.scanner import TOKEN

FLEET = Scenario(
    machines=30, subscriptions=4, speed=60.0, limits_speed=100.0, durations="regular", patches=2, token=TOKEN
)
LONG_S = 60.0


def certified(place: Path) -> dict[str, str]:
    """Variables with which Dask trusts, and has, certificates of an authority of the test's own."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(place / "ca.pem")
    cert = authority.issue_cert("127.0.0.1", "localhost")
    cert.private_key_and_cert_chain_pem.write_to_path(place / "cert.pem")
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    roles = {
        f"{tls}{role}__{kind}": str(place / "cert.pem")
        for role in ("SCHEDULER", "WORKER", "CLIENT")
        for kind in ("CERT", "KEY")
    }
    return {f"{tls}CA_FILE": str(place / "ca.pem"), **roles}


@pytest.mark.thorough
def test_a_scheduler_with_tls_takes_who_has_a_certificate_alone(tmp_path: Path) -> None:
    env, out = certified(tmp_path), tmp_path / "run"
    workers = {**env, "FLEETSCAN_ACCESS_TOKEN": TOKEN}
    with (
        Azure(FLEET, tmp_path) as azure,
        DaskCluster(tmp_path / "c", 2, workers, scheduler_env=env, protocol="tls") as cluster,
    ):
        assert cluster.address.startswith("tls://127.0.0.1:")
        brief = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s"}
        with Driver(cluster.address, azure.endpoint, out, env=brief, log="refused") as refused:
            assert refused.wait(LONG_S) == 4, refused.said
            assert "cannot be reached" in refused.said
            assert "Traceback" not in refused.said
        plain = cluster.address.replace("tls://", "tcp://")
        with Driver(plain, azure.endpoint, out, env=brief, log="plain") as refused:
            assert refused.wait(LONG_S) == 4, refused.said
        assert not out.exists()
        with Driver(cluster.address, azure.endpoint, out, env=env) as driver:
            assert driver.wait(LONG_S) in (0, 3), driver.said
    assert breaches_of(out, FLEET, azure.account) == []
