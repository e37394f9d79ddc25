"""Whether a level can stop half-way (死锁): a join that waits for a branch that never comes.

The tokens of a level are played through in all orders, each node being one step: a gateway takes each of its ways, an
interrupting boundary takes the place of its host, another one is added to it. Where tokens are left and nothing can
move, the joins that hold them are named. Nothing outside the level is asked, and the number of positions is bounded: a
level with very many parallel ways is not played to the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.process.diagram import Diagram, Fault, Level, Node

MAX_POSITIONS = 4000
#: More tokens than this on one flow come from a side branch that is started again and again.
MAX_TOKENS = 2

#: Ids of flows (or of nodes, for a token in a host) with a token each, sorted.
Position = tuple[str, ...]


def faults(diagram: Diagram) -> Iterator[Fault]:
    """The joins of `diagram` that may wait for ever. The graphs must have passed `check_structure`."""
    for level in diagram.process.levels():
        if any(node.kind == "inclusiveGateway" for node in level.nodes.values()):
            continue
        for node_id in sorted(_stuck(level)):
            yield Fault(diagram.file, node_id, "并行汇合在这里可能永远等不齐：有的分支不会走到这里。")


def _stuck(level: Level) -> set[str]:
    """The joins at which tokens are left in some position from which nothing can move."""
    starts = [flow.id for node in level.nodes.values() if node.kind == "startEvent" for flow in level.outgoing(node.id)]
    seen: set[Position] = set()
    waiting = [_position(starts)]
    stuck: set[str] = set()
    targets = {flow.id: flow.target for flow in level.flows}
    while waiting and len(seen) < MAX_POSITIONS:
        position = waiting.pop()
        if position in seen:
            continue
        seen.add(position)
        moves = [move for move in _moves(level, position, targets) if _is_bounded(move)]
        waiting.extend(moves)
        if position and not moves:
            stuck |= {targets[flow] for flow in position if level.nodes[targets[flow]].kind == "parallelGateway"}
    return stuck


def _position(tokens: list[str]) -> Position:
    return tuple(sorted(tokens))


def _is_bounded(position: Position) -> bool:
    return all(position.count(flow) <= MAX_TOKENS for flow in set(position))


def _moves(level: Level, position: Position, targets: dict[str, str]) -> Iterator[Position]:
    """The positions one step further."""
    for flow in dict.fromkeys(position):
        node = level.nodes[targets[flow]]
        taken = [flow]
        if node.kind == "parallelGateway":
            taken = [arriving.id for arriving in level.incoming(node.id)]
            if any(arriving not in position for arriving in taken) or flow != taken[0]:
                continue
        left = list(position)
        for arriving in taken:
            left.remove(arriving)
        for leaving in _ways(level, node):
            yield _position(left + leaving)


def _ways(level: Level, node: Node) -> Iterator[list[str]]:
    """What a token can become at a node: the flows it goes on to."""
    out = [flow.id for flow in level.outgoing(node.id)]
    if node.kind in ("exclusiveGateway", "eventBasedGateway"):
        yield from ([flow] for flow in out)
        return
    yield out
    for edge in level.boundaries(node.id):
        leaving = [flow.id for flow in level.outgoing(edge.id)]
        interrupting = edge.node.get("cancelActivity", "true") in ("true", "1")
        yield leaving if interrupting else out + leaving
