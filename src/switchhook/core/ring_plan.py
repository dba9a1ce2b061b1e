"""What to do with an inbound call that is ours to route: whom to ring, in which order, and why."""

from collections.abc import Sequence

from msgspec import Struct

from switchhook.core.directory import Availability, Caller, Employee, Group, GroupKind


class RingStep(Struct, frozen=True, kw_only=True):
    """Phones that are tried together, or after one another, before the next step."""

    extensions: tuple[str, ...]
    kind: GroupKind
    because: str
    group: str | None = None  # its name, where the step is a group


class RingPlan(Struct, frozen=True, kw_only=True):
    """Steps in order; with none left the PBX goes on as if there were no hub."""

    caller: Caller
    steps: tuple[RingStep, ...]
    because: str = ""  # why there is no step, where there is none


def plan_rings(
    caller: Caller, group: Group | None, members: Sequence[Employee], *, fallback: str | None = None
) -> RingPlan:
    """Say whom to ring for one inbound call, and in which order.

    The responsible employee rings alone while free. Then the free `members` of the line's group ring as its
    kind has it, without the one just tried. A queue is a place to wait: it is a step even while nobody is
    free, unless all have gone home. The last step is `fallback`, an extension that rings whatever its
    status.
    """
    steps: list[RingStep] = []
    responsible = caller.employee
    if responsible is not None and _is_free(responsible):
        because = "responsible for this contact"
        steps.append(RingStep(extensions=(responsible.extension,), kind=GroupKind.RING, because=because))
    of_group = _group_step(group, members, {one for step in steps for one in step.extensions})
    steps += [of_group] if of_group is not None else []
    if fallback and not any(step.extensions == (fallback,) for step in steps):
        because = "nobody answered" if steps else "nobody is free"
        steps.append(RingStep(extensions=(fallback,), kind=GroupKind.RING, because=because))
    because = "" if steps else _why_nobody(responsible, group)
    return RingPlan(caller=caller, steps=tuple(steps), because=because)


def _group_step(group: Group | None, members: Sequence[Employee], tried: set[str]) -> RingStep | None:
    if group is None:
        return None
    free = tuple(one.extension for one in members if _is_free(one))
    left = tuple(one for one in free if one not in tried)
    because = f"free in the group {group.name} of this line"
    if group.kind is GroupKind.QUEUE:
        left = left or free
        is_staffed = any(one.availability is not Availability.OFFLINE for one in members)
        if not left and is_staffed:
            because = f"nobody is free in the group {group.name} of this line, and somebody may be soon"
        is_step = is_staffed
    else:
        is_step = bool(left)
    return RingStep(extensions=left, kind=group.kind, because=because, group=group.name) if is_step else None


def _is_free(employee: Employee) -> bool:
    return employee.availability is Availability.FREE


def _why_nobody(responsible: Employee | None, group: Group | None) -> str:
    if group is None:
        return "this line has no group, and no responsible employee is free"
    nobody = f"nobody is free in the group {group.name} of this line"
    return nobody if responsible is None else f"{nobody}, nor is the responsible employee"
