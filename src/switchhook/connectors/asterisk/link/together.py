"""Tasks that live and die together."""

import asyncio
from collections.abc import Coroutine


async def together(*jobs: Coroutine[object, object, None]) -> None:
    """Run jobs at once until the first of them ends or fails; the others are cancelled and waited for.

    Raises: what that first job raised, as it is and not in a group.
    """
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        first = next(task for task in tasks if task in done)
        first.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
