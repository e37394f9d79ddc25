"""Whether a level can stop half-way or do work twice: a join that waits for ever, parallel ways that are not joined.

The tokens of a level are played through in all orders, each node being one step: a gateway takes each of its ways, an
interrupting boundary takes the place of its host, another one is added to it. Where tokens are left and nothing can
move, the joins that hold them are named; where two tokens come to stand on one flow, what follows would be done twice.
Nothing outside the level is asked, and the game is bounded: a level with very many parallel ways is not played to the
end.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.process.diagram import Diagram, Fault, Level, Node

MAX_MOVES = 20_000
MAX_TOKENS = 10

#: Ids of flows with a token each, sorted; an id stands once for each of its tokens.
Position = tuple[str, ...]


def faults(diagram: Diagram) -> Iterator[Fault]:
    """The joins of `diagram` that may wait for ever and what it may do twice. It has passed `check_structure`."""
    for level in diagram.process.levels():
        if any(node.kind == "inclusiveGateway" for node in level.nodes.values()):
            continue
        game = _Game(level)
        for node_id in sorted(game.stuck()):
            yield Fault(diagram.file, node_id, "并行汇合在这里可能永远等不齐：有的分支不会走到这里。")
        for node_id in sorted(game.doubled()):
            yield Fault(diagram.file, node_id, "并行的分支没有先汇合就走到这里，从这里起会重复办理。")


class _Game:
    """The positions that the tokens of a level can come to."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._targets = {flow.id: flow.target for flow in level.flows}

    def stuck(self) -> set[str]:
        """The joins at which tokens are left in some position from which nothing can move."""
        return {
            self._targets[flow]
            for position, moves in self._positions(side_branches=True)
            if not moves
            for flow in position
            if self._level.nodes[self._targets[flow]].kind == "parallelGateway"
        }

    def doubled(self) -> set[str]:
        """Where two tokens meet on one flow, side branches of boundary events left aside: they may start again."""
        return {
            self._targets[flow]
            for position, _ in self._positions(side_branches=False)
            for flow in position
            if position.count(flow) > 1
        }

    def _positions(self, *, side_branches: bool) -> Iterator[tuple[Position, list[Position]]]:
        """Each position with those one step further. What follows a doubled token is not played."""
        starts = [node.id for node in self._level.nodes.values() if node.kind == "startEvent"]
        waiting = [_position([flow.id for start in starts for flow in self._level.outgoing(start)])]
        seen: set[Position] = set()
        moved = 0
        while waiting and moved < MAX_MOVES:
            position = waiting.pop()
            if position in seen or len(position) > MAX_TOKENS:
                continue
            seen.add(position)
            moves = list(self._moves(position, side_branches))
            moved += len(moves)
            yield position, moves
            if len(set(position)) == len(position):
                waiting.extend(moves)

    def _moves(self, position: Position, side_branches: bool) -> Iterator[Position]:
        for flow in dict.fromkeys(position):
            node = self._level.nodes[self._targets[flow]]
            taken = [flow]
            if node.kind == "parallelGateway":
                taken = [arriving.id for arriving in self._level.incoming(node.id)]
                # A join moves once all are there, and is asked for the first of them only.
                if flow != taken[0] or any(arriving not in position for arriving in taken):
                    continue
            left = list(position)
            for arriving in taken:
                left.remove(arriving)
            for leaving in self._ways(node, side_branches):
                yield _position(left + leaving)

    def _ways(self, node: Node, side_branches: bool) -> Iterator[list[str]]:
        """What a token can become at a node: the flows it goes on to."""
        out = [flow.id for flow in self._level.outgoing(node.id)]
        if node.kind in ("exclusiveGateway", "eventBasedGateway"):
            yield from ([flow] for flow in out)
            return
        yield out
        for edge in self._level.boundaries(node.id):
            leaving = [flow.id for flow in self._level.outgoing(edge.id)]
            if edge.node.get("cancelActivity", "true") in ("true", "1"):
                yield leaving
            elif side_branches:
                yield out + leaving


def _position(tokens: list[str]) -> Position:
    return tuple(sorted(tokens))
