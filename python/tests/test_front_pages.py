"""The examples of the package's front pages are what they say."""

import doctest
import pathlib
import re

import phy_sec


def test_the_docstrings_examples():
    result = doctest.testmod(phy_sec, extraglobs={"phy_sec": phy_sec})
    assert result.attempted >= 10 and result.failed == 0


def test_the_readmes_examples(capsys):
    text = (pathlib.Path(__file__).parents[1] / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
        assert "assert" in block
    assert "tone" in capsys.readouterr().out
