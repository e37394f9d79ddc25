"""`make cluster`: two web hosts, two worker hosts and a database host under load; cables are pulled, hosts come and go.

The network is built first; then this module runs again on a host of that network, where the clients are.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.crash.network import NETWORK, CannotBuild, Host, Network
from tests.crash.postgres import Cluster
from tests.crash.processes import Process, Site, environment
from tests.crash.run import Ground, Plan, filled, folder, run_on, to_terminal

CLIENTS, DATABASE = ("clients", 100), ("database", 2)
HOSTS = {"web-1": 11, "web-2": 12, "worker-1": 21, "worker-2": 22}
#: The host that comes in the course of it.
LATER = ("web-3", 13)
PORT = 8000


def main(argv: Sequence[str]) -> int:
    """Build the network, run on it, take it down; 0 where nothing was lost, doubled or stuck, 2 where it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.cluster", description="Several hosts on one machine.")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", default="", help="the label of a network that is there: run on it")
    options = parser.parse_args(argv)
    if options.inside:
        return _inside(options.inside, options.kills, options.seed)
    network = Network(f"tongban{os.getpid()}")
    try:
        network.build()
        clients = network.add(*CLIENTS)
        for name, number in (DATABASE, *HOSTS.items()):
            network.add(name, number)
        again = [sys.executable, "-W", "ignore", "-m", "tests.crash.cluster", "--inside", network.label]
        done = subprocess.run(
            [*clients.prefix, *again, "--kills", str(options.kills), "--seed", str(options.seed)], check=False
        )
        return done.returncode
    except CannotBuild as error:
        to_terminal(str(error))
        return 2
    finally:
        if network.hosts:
            network.remove()


def _inside(label: str, kills: int, seed: int) -> int:
    network = Network(label)
    database = network.known(*DATABASE)
    hosts = {name: network.known(name, number) for name, number in HOSTS.items()}
    plan = Plan(kills=kills, seed=seed, seconds=600.0, patience=5.0)
    cluster = Cluster(host=database.address, prefix=database.prefix, network=NETWORK)
    try:
        cluster.start()
        with folder() as home:
            url = cluster.create("tongban_cluster")
            site = Site([_process(name, host, url, home) for name, host in hosts.items()], patience=plan.patience)
            ground = Ground(url, home, filled(url, home), site, cluster)
            result = run_on("cluster", ground, plan, to_terminal, _Troubles(network, ground, plan).happen)
    finally:
        cluster.remove()
    for line in result.lines():
        to_terminal(line)
    return 0 if result.good else 1


def _process(name: str, host: Host, url: str, home: Path) -> Process:
    role = name.partition("-")[0].replace("web", "serve")
    # The files lie on storage that all hosts share, as they must on real ones.
    told = environment(url, home, {"TONGBAN_SCHEDULER": "off", "TONGBAN_HOST": host.address, "TONGBAN_PORT": str(PORT)})
    return Process(name, role, told, home / f"{name}.log", host=host.address, port=PORT, prefix=host.prefix)


class _Troubles:
    """What happens to the hosts while clients work; processes are killed all the time."""

    def __init__(self, network: Network, ground: Ground, plan: Plan) -> None:
        self.network = network
        self.ground = ground
        self.plan = plan
        self.chance = random.Random(plan.seed)
        self._over = threading.Event()

    def happen(self, ground: Ground, plan: Plan, chance: random.Random, say: Callable[[str], None]) -> None:
        """One after the other."""
        killer = threading.Thread(target=self._kill, daemon=True)
        killer.start()
        try:
            self._pause(15)
            for name, seconds in (("web-1", 15.0), ("worker-1", 20.0), ("database", 8.0), ("web-2", 70.0)):
                say(f"the network of {name} is cut for {seconds:.0f} s")
                self.network.cut(name)
                time.sleep(seconds)
                self.network.mend(name)
                self._pause(10)
            say(f"{LATER[0]} is added")
            host = self.network.add(*LATER)
            ground.site.add(_process(LATER[0], host, ground.url, ground.home))
            self._pause(15)
            say("web-1 and worker-2 are taken away without a word")
            for name in ("web-1", "worker-2"):
                ground.site.give_up(name)
                self.network.take_away(name)
            self._pause(20)
            while ground.site.kills < plan.kills:
                ground.site.kill_one(chance)
                self._pause(2)
        finally:
            self._over.set()
            killer.join()

    def _kill(self) -> None:
        while not self._over.wait(self.chance.uniform(2.0, 9.0)):
            self.ground.site.kill_one(self.chance)

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds * self.chance.uniform(0.8, 1.2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
