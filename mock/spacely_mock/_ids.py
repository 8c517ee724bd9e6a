"""Job ids that carry the job: when it was made, by which operation, its plan, and a keyed tag that no one can forge.

A poll is answered from the id and the clock alone, so jobs need no store, outlive a restart, and are known to
every process that has the same secret. An id is a number laid out in bits, and written in the form that the
contract gives ids: a UUID of version 8 (RFC 9562) where that fits, or shorter or plainer where it does not.
"""

from __future__ import annotations

import hashlib
import re
import string
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ._plans import OUTCOME_BITS, OUTCOMES, SPAN_BITS, Outcome, Plan

_UUID_8 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_WEYL = 0x9E3779B97F4A7C15  # Odd, so that its multiples run through every number of any width before one recurs.


@dataclass(frozen=True, slots=True)
class Layout:
    """How many bits of an id say what.

    Attributes:
        epoch: The second, since the Unix epoch, that creation times are counted from.
        ticks: The fineness of creation times, in ticks a second.
        time: Bits for the creation time.
        operation: Bits for the number of the submit operation that the job came from.
        plan: Bits for the plan: outcome and span. Where there are none, all jobs follow the mock's defaults.
        seed: Bits that tell apart the jobs made in one tick, and from which a job's images are drawn.
        tag: Bits for the keyed tag.
    """

    epoch: int
    ticks: int
    time: int
    operation: int
    plan: int
    seed: int
    tag: int


# All the bits of a UUID but those of its version and variant. It lasts until 2109, tells apart half a million jobs a
# millisecond, and one forged id in 2^36 passes for genuine.
WIDE = Layout(epoch=0, ticks=1000, time=42, operation=6, plan=OUTCOME_BITS + SPAN_BITS, seed=19, tag=36)
# 53 bits: what every JSON reader takes for an integer without loss. It tells apart 1,024 jobs a second and lasts
# until 2092; one forged id in 1,024 passes for genuine. There is no room for a plan.
COMPACT = Layout(epoch=1_735_689_600, ticks=16, time=35, operation=2, plan=0, seed=6, tag=10)


@dataclass(slots=True)  # Not frozen, here and below: one is made for each request, and a frozen one slowly.
class Job:
    """What an id says.

    Attributes:
        id: The id as it travels.
        created: When the job was made, in seconds since the Unix epoch.
        operation: The number of the submit operation.
        seed: What tells it from other jobs.
        plan: What will become of it; None where its id has no room to say so.
    """

    id: str
    created: float
    operation: int
    seed: int
    plan: Plan | None = None


@dataclass(slots=True)
class NewJob:
    """What an id is to say: as Job, with the span as it is written in the id."""

    created: float
    operation: int
    seed: int
    outcome: Outcome = Outcome.SUCCESS
    span: int = 0


class Form(ABC):
    """A way to write the number that is an id."""

    layout: Layout

    @abstractmethod
    def write(self, number: int) -> str | int:
        """The id as a JSON value."""

    @abstractmethod
    def read(self, text: str) -> int | None:
        """The number of an id as it travels in a parameter; None where it is not written in this form."""


class UuidForm(Form):
    """A UUID of version 8."""

    layout = WIDE

    def write(self, number: int) -> str:
        """The id as a UUID's text."""
        high, low = number >> 74, number & (1 << 74) - 1
        middle, low = low >> 62, low & (1 << 62) - 1
        text = (high << 80 | 8 << 76 | middle << 64 | 2 << 62 | low).to_bytes(16, "big").hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def read(self, text: str) -> int | None:
        """The number in a UUID's text, in lower case and with hyphens only."""
        if _UUID_8.fullmatch(text) is None:
            return None
        bits = int(text.replace("-", ""), 16)
        return bits >> 80 << 74 | (bits >> 64 & 0xFFF) << 62 | bits & (1 << 62) - 1


class TextForm(Form):
    """Digits of an alphabet, a fixed number of them, perhaps after a prefix."""

    def __init__(self, layout: Layout, alphabet: str, prefix: str = "") -> None:
        self.layout = layout
        self._alphabet = alphabet
        self._prefix = prefix
        bits = layout.time + layout.operation + layout.plan + layout.seed + layout.tag
        self._length = next(length for length in range(1, bits + 1) if len(alphabet) ** length >= 1 << bits)

    def write(self, number: int) -> str:
        """The id as a text."""
        digits = ""
        for _ in range(self._length):
            number, digit = divmod(number, len(self._alphabet))
            digits = self._alphabet[digit] + digits
        return self._prefix + digits

    def read(self, text: str) -> int | None:
        """The number in a text of exactly this form."""
        digits = text.removeprefix(self._prefix)
        if len(text) != len(self._prefix) + self._length or len(digits) != self._length:
            return None
        number = 0
        for digit in digits:
            value = self._alphabet.find(digit)
            if value < 0:
                return None
            number = number * len(self._alphabet) + value
        return number


class IntegerForm(Form):
    """An integer."""

    layout = COMPACT

    def write(self, number: int) -> int:
        """The id as an integer."""
        return number

    def read(self, text: str) -> int | None:
        """The number that a text of decimal digits is."""
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= 16 and text[0] != "0" else None


def forms(prefixes: list[str]) -> Iterator[Form]:
    """The forms that an id can have, the most ordinary first."""
    yield UuidForm()
    for layout in (WIDE, COMPACT):
        for prefix in ["", *prefixes]:
            for alphabet in (
                string.hexdigits[:16],
                string.digits + "ABCDEF",
                string.digits + string.ascii_lowercase,
                string.digits + string.ascii_uppercase,
                string.digits + string.ascii_letters,
                string.digits,
                string.ascii_lowercase,
                string.ascii_uppercase,
            ):
                yield TextForm(layout, alphabet, prefix)
    yield IntegerForm()


class Sealer:
    """Makes ids and tells genuine ones from others.

    Args:
        secret: What the tags are keyed with; processes that share it know each other's jobs.
        seed: Where the sequence of seeds starts.
        worker: The number of this process among those that share the sequence; no two take the same seed of it.
        workers: How many they are.
    """

    def __init__(self, secret: bytes, seed: int, worker: int = 0, workers: int = 1) -> None:
        key = hashlib.blake2b(secret, digest_size=32, person=b"spacely-mock").digest()
        # Copied for each use: to key a hash takes longer than to hash so little.
        self._tags = hashlib.blake2b(key=key, digest_size=8, person=b"job")
        self._signatures = hashlib.blake2b(key=key, digest_size=10, person=b"signature")
        self._worker = worker
        self._workers = workers
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Start the sequence of seeds again."""
        self.start = seed
        self._next_seed = seed + self._worker

    def new_seed(self) -> int:
        """The next of the sequence of seeds, sixty-four bits wide."""
        number, self._next_seed = self._next_seed, self._next_seed + self._workers
        return number * _WEYL & (1 << 64) - 1

    def issue(self, form: Form, job: NewJob, owner: str) -> str | int:
        """A new id, as a JSON value."""
        layout = form.layout
        # Rounded down: whoever moves the clock on by as long as a job runs finds it ended.
        ticks = int((job.created - layout.epoch) * layout.ticks) & (1 << layout.time) - 1
        plan = OUTCOMES.index(job.outcome) << SPAN_BITS | job.span if layout.plan else 0
        payload = (ticks << layout.operation | job.operation) << layout.plan | plan
        payload = payload << layout.seed | job.seed & (1 << layout.seed) - 1
        return form.write(payload << layout.tag | self._tag(payload, layout, owner))

    def read(self, form: Form, text: str, owner: str) -> Job | None:
        """What an id says; None where it was not issued by this secret to this owner."""
        number = form.read(text)
        if number is None:
            return None
        layout = form.layout
        payload = number >> layout.tag
        genuine = self._tag(payload, layout, owner) == number & (1 << layout.tag) - 1
        return self._unpack(layout, payload, text) if genuine else None

    def glance(self, form: Form, text: str) -> Job | None:
        """What an id says, whoever it belongs to and whether or not it is genuine."""
        number = form.read(text)
        return None if number is None else self._unpack(form.layout, number >> form.layout.tag, text)

    def signature(self, text: str) -> str:
        """A signature on a text: proof that it was made by this secret."""
        signature = self._signatures.copy()
        signature.update(text.encode())
        return signature.hexdigest()

    def _tag(self, payload: int, layout: Layout, owner: str) -> int:
        tag = self._tags.copy()
        tag.update(payload.to_bytes(16, "big") + owner.encode("utf-8", "surrogateescape"))
        return int.from_bytes(tag.digest(), "big") >> 64 - layout.tag

    @staticmethod
    def _unpack(layout: Layout, payload: int, text: str) -> Job | None:
        seed = payload & (1 << layout.seed) - 1
        rest = payload >> layout.seed
        plan = rest & (1 << layout.plan) - 1
        rest >>= layout.plan
        operation = rest & (1 << layout.operation) - 1
        created = layout.epoch + (rest >> layout.operation) / layout.ticks
        if not layout.plan:
            return Job(text, created, operation, seed)
        read = Plan.read(plan >> SPAN_BITS, plan & (1 << SPAN_BITS) - 1)
        return None if read is None else Job(text, created, operation, seed, read)


Fits = Callable[[str | int], bool]


def choose_form(fits: Fits, prefixes: list[str], sealer: Sealer) -> Form | None:
    """The first form all of whose ids fit; None where there is none. Judged by sixty-four ids."""
    for form in forms(prefixes):
        jobs = (NewJob(1.8e9 + number * 1e5, number % 4, sealer.new_seed()) for number in range(64))
        probes = (sealer.issue(form, job, "") for job in jobs)
        if all(map(fits, probes)):
            return form
    return None
