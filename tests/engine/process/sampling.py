"""The small valid library that the tests of the check and of publication start from."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from engine.process import operators

FOLDER = Path(__file__).parent / "samples"

#: Operators of the samples and what they return.
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "sample.register": ("due_at", "amount_cents", "channel"),
    "sample.notify": (),
}


def sample_files() -> dict[str, bytes]:
    """A root process, the procedure it calls, and the table it asks: nothing is wrong with them."""
    return {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}


def sample(name: str) -> str:
    """One of them as text."""
    return sample_files()[name].decode()


def register_operators(monkeypatch: pytest.MonkeyPatch, known: Mapping[str, tuple[str, ...]] = OPERATORS) -> None:
    """Let the samples' operators be known for one test, beside those that are known anyway."""
    made = {
        name: operators.Operator(name, "样例操作", frozenset(returns), lambda case: None)
        for name, returns in known.items()
    }
    everything = {**operators.operators(), **made}
    monkeypatch.setattr(operators, "_operators", everything)


def process(*nodes: str, name: str = "drawn", attributes: str = 'isExecutable="true"', beside: str = "") -> bytes:
    """A diagram with the given elements in its process and `beside` it."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:tongban="urn:tongban:bpmn:1"
    xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="{name}_file" targetNamespace="urn:tongban:bpmn:1">
  <bpmn:process id="{name}" name="样例" {attributes}>{"".join(nodes)}</bpmn:process>{beside}
</bpmn:definitions>""".encode()


def node(kind: str, id_: str, inside: str = "", **attributes: str) -> str:
    """A flow node with a Chinese name."""
    given = "".join(f' {key.replace("__", ":")}="{value}"' for key, value in {"name": "样例", **attributes}.items())
    return f'<bpmn:{kind} id="{id_}"{given}>{inside}</bpmn:{kind}>'


def flow(source: str, target: str, condition: str | None = None, id_: str | None = None) -> str:
    """A sequence flow; its id is source_to_target."""
    inside = (
        ""
        if condition is None
        else f'<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">{condition}</bpmn:conditionExpression>'
    )
    name = id_ or f"{source}_to_{target}"
    return f'<bpmn:sequenceFlow id="{name}" sourceRef="{source}" targetRef="{target}">{inside}</bpmn:sequenceFlow>'


def chain(*ids: str) -> str:
    """Flows along the ids."""
    return "".join(flow(source, target) for source, target in pairwise(ids))


START = node("startEvent", "start")
END = node("endEvent", "end")
OTHER = node("endEvent", "other")


def choice(id_: str, default: str) -> str:
    """An exclusive gateway whose default flow leads to `default`."""
    return node("exclusiveGateway", id_, default=f"{id_}_to_{default}")


def boundary(id_: str, attached_to: str, inside: str, **attributes: str) -> str:
    """A boundary event."""
    return node("boundaryEvent", id_, inside, attachedToRef=attached_to, **attributes)


def service(id_: str, operator: str = "sample.notify", **attributes: str) -> str:
    """A service task."""
    return node("serviceTask", id_, implementation=operator, **attributes)


def user(id_: str, **attributes: str) -> str:
    """A user task with everything it needs."""
    needed = {"tongban__role": "first_reviewer", "tongban__agency": "handling", "tongban__form": "review"}
    return node("userTask", id_, **{**needed, **attributes})
