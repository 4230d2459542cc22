"""The README's examples for Stripe run as they are printed, against this sandbox."""

import re
from pathlib import Path

from sandbox_process import running

README = Path(__file__).parents[1] / "README.md"


def examples() -> list[str]:
    """The Python blocks between `## Stripe` and the next provider."""
    section = re.search(r"^## Stripe\n(.*?)^## ", README.read_text(), re.DOTALL | re.MULTILINE)
    assert section is not None
    return re.findall(r"^```python\n(.*?)^```", section[1], re.DOTALL | re.MULTILINE)


def test_the_examples_run():
    with running() as sandbox:
        code = "\n".join(examples())
        for printed, address in (("12111", sandbox.stripe), ("12119", sandbox.control)):
            assert f"http://127.0.0.1:{printed}" in code
            code = code.replace(f"http://127.0.0.1:{printed}", address)
        exec(compile(code, str(README), "exec"), {})  # noqa: S102 (our own README)
