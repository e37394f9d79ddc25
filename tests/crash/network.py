"""Hosts on one machine: a network namespace for each, with an address, on a switch that is in a namespace of its own.

Nothing of it is connected to the machine's own network: no traffic leaves the namespaces.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field

SUBNET = "10.77.0"
NETWORK = f"{SUBNET}.0/24"


class CannotBuild(Exception):
    """Namespaces cannot be made here; the message says what is missing."""


@dataclass
class Host:
    """One namespace with one address."""

    name: str
    address: str

    @property
    def prefix(self) -> list[str]:
        """How a command begins that runs on this host."""
        return ["ip", "netns", "exec", self.name]


@dataclass
class Network:
    """The switch and the hosts at it; `label` begins every name, so that what is removed is ours."""

    label: str
    hosts: dict[str, Host] = field(default_factory=dict)

    @property
    def _switch(self) -> str:
        return f"{self.label}-switch"

    def build(self) -> None:
        """The switch. Raises `CannotBuild`."""
        if os.geteuid() != 0:
            raise CannotBuild("make cluster builds network namespaces and needs root.")
        if shutil.which("ip") is None:
            raise CannotBuild("make cluster needs the command ip: apt-get install iproute2")
        try:
            _ip("netns", "add", self._switch)
        except subprocess.CalledProcessError as error:
            raise CannotBuild(f"network namespaces are not allowed here: {error.stderr.strip()}") from error
        _ip("-n", self._switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", self._switch, "link", "set", "switch", "up")

    def add(self, name: str, number: int) -> Host:
        """A host with the address of this number, connected."""
        host = Host(f"{self.label}-{name}", f"{SUBNET}.{number}")
        _ip("netns", "add", host.name)
        self.hosts[name] = host
        port = self._port(name)
        _ip("-n", self._switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        _ip("-n", self._switch, "link", "set", port, "master", "switch", "up")
        _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
        _ip("-n", host.name, "link", "set", "eth0", "up")
        _ip("-n", host.name, "link", "set", "lo", "up")
        return host

    def known(self, name: str, number: int) -> Host:
        """A host that another process of ours has added."""
        self.hosts[name] = Host(f"{self.label}-{name}", f"{SUBNET}.{number}")
        return self.hosts[name]

    def cut(self, name: str) -> None:
        """Pull its cable: whatever is sent is lost without a word."""
        _ip("-n", self._switch, "link", "set", self._port(name), "down")

    def mend(self, name: str) -> None:
        """Put it back."""
        _ip("-n", self._switch, "link", "set", self._port(name), "up")

    def take_away(self, name: str) -> None:
        """The host is gone with all that ran on it; nobody is told."""
        self.cut(name)
        _remove(self.hosts.pop(name).name)

    def remove(self) -> None:
        """Everything whose name begins with ours."""
        for line in _ip("netns", "list").splitlines():
            name = line.split()[0] if line.split() else ""
            if name.startswith(f"{self.label}-"):
                _remove(name)

    def _port(self, name: str) -> str:
        # Fifteen characters at most.
        return f"to-{name}"[:15]


def _remove(namespace: str) -> None:
    for pid in _ip("netns", "pids", namespace).split():
        if int(pid) != os.getpid():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
    _ip("netns", "delete", namespace)


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
