"""The letters that the seed wrote, as messages: same seed and day, same bytes."""

import random
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from opside_sandbox.gmail.mailbox.ids import new_id
from opside_sandbox.gmail.mailbox.message import Mail
from opside_sandbox.gmail.papers.compose import message_id, written
from opside_sandbox.gmail.papers.noise_mail import noise_mail
from opside_sandbox.gmail.papers.supply import born, supply_of
from opside_sandbox.gmail.papers.trade_mail import Posted, Proof, trade_mail
from opside_sandbox.gmail.people import Account, everybody
from opside_sandbox.state import SandboxState

FIRST_HISTORY_ID = 1_000_000


@dataclass(frozen=True, slots=True)
class Life:
    """Whose mailbox it is. Equal lives have equal letters, so the state takes no part in that."""

    seed: str
    account: Account
    born: date
    state: SandboxState = field(compare=False, repr=False)


def generated(state: SandboxState, key: str) -> tuple[Mail, ...]:
    """A person's generated messages, oldest first."""
    return tuple(mail for mail, _ in _post(_life(state, key)))


def proofs(state: SandboxState, key: str) -> tuple[tuple[Mail, Proof], ...]:
    """The messages that prove something, oldest first, with what they prove."""
    return tuple((mail, proof) for mail, proof in _post(_life(state, key)) if proof is not None)


def _life(state: SandboxState, key: str) -> Life:
    return Life(state.seed, everybody(state)[key], born(state), state)


@lru_cache(maxsize=16)
def _post(life: Life) -> tuple[tuple[Mail, Proof | None], ...]:
    """Made once a process, shared, never to be changed."""
    rng = random.Random(f"{life.seed}/gmail/{life.account.key}")  # noqa: S311 (repeatable)
    supply = supply_of(life.state, life.account.key)
    posted = [*trade_mail(life.account, supply, rng), *noise_mail(life.account, supply, rng)]
    posted.sort(key=lambda one: (one.letter.at, message_id(one.letter)))
    found: list[tuple[Mail, Proof | None]] = []
    threads: dict[str, str] = {}
    number = FIRST_HISTORY_ID
    for one in posted:
        number += rng.randrange(7, 900)
        found.append((_mail(life, one, threads, number), one.proof))
    return tuple(found)


def _mail(life: Life, posted: Posted, threads: dict[str, str], history_id: int) -> Mail:
    letter = posted.letter
    number = message_id(letter)
    mail_id = new_id(life.seed, life.account.key, letter.at, number)
    thread_id = threads.get(letter.answers, mail_id)
    threads[number] = thread_id
    return Mail(mail_id, thread_id, letter.at, posted.labels, history_id, written(letter))
