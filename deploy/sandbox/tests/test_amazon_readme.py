"""The README's first Amazon example runs as it stands, against a sandbox of its own."""

import re
import subprocess
import sys
from pathlib import Path

from sandbox_process import running

README = Path(__file__).parents[1] / "README.md"


def test_the_httpx_example_runs(tmp_path):
    amazon = README.read_text().split("\n## Amazon\n")[1]
    code = re.findall(r"```python\n(.*?)```", amazon, re.DOTALL)[0]
    assert "import httpx" in code
    with running() as sandbox:
        program = tmp_path / "example.py"
        code = code.replace("http://127.0.0.1:12112", sandbox.amazon)
        program.write_text(code + "\nimport gzip\nprint(gzip.decompress(packed)[:4].decode())\n")
        done = subprocess.run(  # noqa: S603 (our own text)
            [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.stdout, done.stderr) == ("Date\n", "")
