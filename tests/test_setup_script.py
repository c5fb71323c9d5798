from __future__ import annotations

from nox_ship.setup_script import setup_argument
from support import each

HEAD = "from setuptools import Extension, setup\n"


@each(
    "text",
    [
        HEAD + "setup(name='sample')",
        HEAD + "setup(ext_modules=[Extension(name='speed', sources=[])], name='sample')",
        HEAD + "Extension(name='speed')\nsetup(name = \"sample\")",
        HEAD + "setup(entry_points=dict(name='x'), name='sample')",
        HEAD + "NAME = 'sample'\nsetup(name=NAME)",
        HEAD + "NAME: str = 'sample'\nsetup(name=NAME)",
        HEAD + "if __name__ == '__main__':\n    setup(name='sample')",
        HEAD + "def main():\n    setup(\n        name='sample',\n    )",
        HEAD + "setup(name='sample', **extra)",
        HEAD + "def main():\n    words = dict(name='sample', ext=Extension(name='x'))\n    setup(**words)",
        HEAD + "WORDS = {'name': 'sample', **more, 3: 4}\nsetup(**WORDS)",
        HEAD + "setup(**{'name': 'sample'})",
        HEAD + "# setup(name='no')\n'setup(name=\"no\")'\nsetup(name='sample')",
        HEAD + "x = 'größe'; setup(name='sample')",
        HEAD + "r = '\\d'; setup(name=u'sample')",
        "import setuptools\nsetuptools.setup(name='sample')",
        "import setuptools as st\nst.setup(name='sample')",
        "from distutils.core import setup as s\ns(name='sample')",
        "from setuptools import *\nsetup(name='''sample''')",
        HEAD + "if a:\n    setup(name='sample')\nelse:\n    setup(name='sample')",
    ],
)
def test_an_argument_of_setup_is_found(text: str) -> None:
    """An argument of `setup` is found with its place in the text, however the function is imported and called."""
    written = setup_argument(text, "name")
    assert written is not None
    assert (written.value, text[written.start : written.end]) == ("sample", "sample")


@each(
    "text",
    [
        "",
        HEAD + "setup()",
        HEAD + "setup(**words)",
        HEAD + "words = dict(name='a')\nwords = dict(name='b')\nsetup(**words)",
        HEAD + "setup(**read(name='a'))",
        HEAD + "setup(name=read('NAME'))",
        HEAD + "setup(name='a' + 'b')",
        HEAD + "setup(name=f'a{b}')",
        HEAD + "setup(name='sam' 'ple')",
        HEAD + "setup(name='')",
        HEAD + "setup(name=3)",
        HEAD + "setup(Extension(name='speed'))",
        HEAD + "NAME = 'a'\nNAME += 'b'\nsetup(name=NAME)",
        HEAD + "for NAME in 'ab':\n    setup(name=NAME)",
        HEAD + "setup(name=NAME)",
        HEAD + "if a:\n    setup(name='a')\nelse:\n    setup(name='b')",
        "other.setup(name='sample')",
        "print 'Python 2'\nsetup(name='sample')",
        "setup(name='sample'\x00)",
        "setup(name=" + "(" * 3000,
        "setup(name=x" + ".a" * 3000 + ")",
        "f" + "()" * 3000,
    ],
)
def test_what_only_running_it_could_tell_is_not_known(text: str) -> None:
    """An argument is None if only running setup.py would tell it, or if the code is not valid Python 3."""
    assert setup_argument(text, "name") is None
