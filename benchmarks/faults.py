"""Small projects with one fault each, of kinds that real projects have published, and the finding to expect.

`planted.py` rehearses a release of each. An issue is named if the fault is a single project's; the others are common.
"""

from __future__ import annotations

from planting import (
    CORE,
    DYNAMIC,
    HERE,
    LINK,
    NO_DATA,
    PACKAGES,
    PEM,
    PYTHON,
    RANDOM,
    SETUP,
    SRC,
    TOKEN,
    WRAPPED,
    Fault,
    in_wheel,
    module,
    pyproject,
    renamed,
    setuptools,
    wrapped,
)

FAULTS = (
    # Modules that the wheel lacks.
    Fault(
        "a subpackage that `packages` does not name (theatlantic/django-xml#18)",
        "NS514",
        {"pyproject.toml": setuptools(PACKAGES), **module("", "inner/__init__.py")},
    ),
    Fault(
        "a subpackage without `__init__.py` that setuptools does not find",
        "NS514",
        {
            "pyproject.toml": setuptools('[tool.setuptools.packages.find]\nwhere = ["src"]\nnamespaces = false\n'),
            **module("", "inner/core.py"),
        },
    ),
    Fault(
        "a wheel without any code (ladisk/pyuff#86)",
        "NS514",
        {"pyproject.toml": setuptools("[tool.setuptools]\npackages = []\n")},
    ),
    Fault(
        "`src` installed as if it was the package",
        "NS515",
        {"pyproject.toml": pyproject(tool='[tool.hatch.build.targets.wheel]\npackages = ["src"]\n')},
    ),
    Fault(
        "an sdist that names its modules and forgot one",
        "NS514",
        {
            "pyproject.toml": pyproject(
                tool='[tool.hatch.build.targets.sdist]\nonly-include = ["src/sample/__init__.py"]\n'
            ),
            **module(""),
        },
    ),
    Fault(
        "an editable wheel",
        "NS514",
        {
            "pyproject.toml": pyproject(back_end="wrapped_build", more=WRAPPED),
            "wrapped_build.py": "from hatchling.build import *\n"
            "from hatchling.build import build_editable as build_wheel\n"
            "from hatchling.build import get_requires_for_build_editable as get_requires_for_build_wheel\n",
        },
    ),
    Fault(
        "a generated module that git ignores",
        "NS613",
        {".gitignore": "_generated.py\n__pycache__/\n", **module("from . import _generated\n", "__init__.py")},
    ),
    # Data that the wheel lacks.
    Fault(
        "data that setuptools was not told of (JinyangWang27/ichingpy#28)",
        "NS521",
        {
            "pyproject.toml": setuptools(NO_DATA),
            **module(f"{HERE}\n\ndef load():\n    return json.loads((HERE / 'words.json').read_text())\n"),
            "src/sample/words.json": "{}",
        },
    ),
    Fault(
        "data in a folder that `package-data` does not reach",
        "NS521",
        {
            "pyproject.toml": setuptools(
                '[tool.setuptools.packages.find]\nwhere = ["src"]\n\n'
                f'[tool.setuptools.package-data]\nsample = ["*.json"]\n\n{NO_DATA}'
            ),
            **module(
                "from importlib.resources import files\n\n\ndef load():\n"
                "    return files('sample').joinpath('data', 'words.json').read_text()\n"
            ),
            "src/sample/data/words.json": "{}",
            "src/sample/top.json": "{}",
        },
    ),
    Fault(
        "an sdist that keeps only modules (jonnymaserati/welleng#246)",
        "NS521",
        {
            "pyproject.toml": pyproject(tool='[tool.hatch.build.targets.sdist]\ninclude = ["*.py"]\n'),
            **module("import pkgutil\n\n\ndef load():\n    return pkgutil.get_data('sample', 'words.json')\n"),
            "src/sample/words.json": "{}",
        },
    ),
    Fault(
        "one template of several that the list forgot",
        "NS521",
        {
            "pyproject.toml": setuptools(
                '[tool.setuptools]\ninclude-package-data = false\npackages = ["sample"]\npackage-dir = {"" = "src"}\n\n'
                '[tool.setuptools.package-data]\nsample = ["pages/a.html", "pages/b.html"]\n'
            ),
            **{f"src/sample/pages/{name}.html": "<p>" for name in "abc"},
        },
    ),
    Fault(
        "a `py.typed` that is in git alone",
        "NS521",
        {
            "pyproject.toml": pyproject(
                f'classifiers = ["Typing :: Typed", {PYTHON}]\n',
                '[tool.hatch.build.targets.sdist]\ninclude = ["*.py"]\n',
            ),
            "src/sample/py.typed": "",
        },
    ),
    Fault(
        "a classifier that claims types, without `py.typed`",
        "NS518",
        {"pyproject.toml": pyproject(f'classifiers = ["Typing :: Typed", {PYTHON}]\n')},
        warns=True,
    ),
    # Files that do not belong.
    Fault(
        "tests beside every other package (nelfin/pylint-protobuf#60)",
        "NS515",
        {
            "pyproject.toml": setuptools(
                '[tool.setuptools]\npackages = ["sample", "tests"]\npackage-dir = {"sample" = "src/sample"}\n'
            ),
            "tests/__init__.py": "",
        },
    ),
    Fault("bytecode", "NS515", wrapped(in_wheel("sample/__pycache__/core.cpython-311.pyc"))),
    Fault("a link that leads out of the sdist, which build refuses to unpack", "NS501", wrapped(LINK)),
    Fault("a module that is there twice", "NS506", wrapped(in_wheel("sample/__init__.py", CORE))),
    Fault("two files that are one on Windows and macOS", "NS522", module("", "Core.py", **{"core.py": ""}), warns=True),
    Fault("a module that Windows cannot write", "NS522", module("", "aux.py"), warns=True),
    Fault(
        "a compiled module in a wheel for every platform",
        "NS548",
        wrapped(
            in_wheel("sample/_speed.cpython-311-x86_64-linux-gnu.so", f"\x7fELF\x02\x01\x01{chr(0) * 9}\x03\x00>\x00")
        ),
    ),
    Fault(
        "a wheel for Linux at large",
        "NS549",
        wrapped(renamed(".whl", "-any.whl", "-linux_x86_64.whl")),
    ),
    Fault(
        "file names of an old back end",
        "NS512",
        wrapped(renamed(".gz", "sample-", "Sample-")),
    ),
    # Secrets.
    Fault("a token in a module", "NS516", module(TOKEN)),
    Fault("a token in a large generated module", "NS516", module("X = 1\n" * 20_000 + TOKEN)),
    Fault("a `.env` file with a token", "NS516", {".env": TOKEN}),
    Fault("a `.pypirc` without one", "NS530", {".pypirc": "[pypi]\nusername = x\n"}, warns=True),
    Fault("a private key in a module", "NS516", module(f'KEY = "{PEM}"\n')),
    Fault(
        "credentials of AWS in a settings file",
        "NS516",
        {"src/sample/default.ini": f"[s3]\nkey = {'AKIA' + 'QWERTYUIOPASDFGH'}\nsecret = {RANDOM[:40]}\n"},
    ),
    # Metadata.
    Fault("no license", "NS513", {"LICENSE": None, "pyproject.toml": pyproject("# no license\n")}, warns=True),
    Fault(
        "a README that does not render",
        "NS502",
        {
            "README.md": None,
            "README.rst": "sample\n======\n\n.. code::\n\n``x\n",
            "pyproject.toml": pyproject('readme = "README.rst"\n'),
        },
    ),
    Fault(
        "a README in Markdown that claims to be reStructuredText",
        "NS502",
        {
            "README.md": "# sample\n\n* [a](b)\n  ```\n  x\n```\n`y\n",
            "pyproject.toml": pyproject('readme = {file = "README.md", content-type = "text/x-rst"}\n'),
        },
    ),
    Fault("a README that is not there", "NS501", {"pyproject.toml": pyproject('readme = "README.rst"\n')}),
    Fault(
        "a classifier that `requires-python` excludes",
        "NS519",
        {"pyproject.toml": pyproject('requires-python = ">=3.12"\n', python="3.11,3.12")},
    ),
    Fault(
        "a classifier that nobody knows",
        "NS533",
        {"pyproject.toml": setuptools(project=f'classifiers = [{PYTHON}, "Topic :: Greeting"]\n')},
    ),
    Fault(
        "a dependency by its address",
        "NS536",
        {
            "pyproject.toml": pyproject(
                'dependencies = ["packaging @ git+https://example.invalid/packaging"]\n',
                "[tool.hatch.metadata]\nallow-direct-references = true\n",
            )
        },
    ),
    # Versions.
    Fault(
        "a `__version__` that a release does not change",
        "NS623",
        module(f'{CORE}\n\n__version__ = "1.2.2"\n', "__init__.py"),
    ),
    Fault(
        "a version file that the package does not read",
        "NS623",
        {
            "pyproject.toml": pyproject(tool='[tool.hatch.version]\npath = "src/sample/_version.py"\n').replace(
                'version = "1.2.3"\n', 'dynamic = ["version"]\n'
            ),
            **module('__version__ = "1.2.3"\n', "_version.py"),
            "src/sample/__init__.py": f'{CORE}\n\n__version__ = "1.0.0"\n',
        },
    ),
    Fault(
        "a local version",
        "NS511",
        {
            "pyproject.toml": setuptools().replace('version = "1.2.3"\n', 'dynamic = ["version"]\n'),
            "setup.py": f"{SETUP}from pathlib import Path\n\nVERSION = Path('VERSION').read_text().strip()\n"
            "setup(version=VERSION + '+local')\n",
            "VERSION": "1.2.3\n",
            "MANIFEST.in": "include VERSION\n",
        },
    ),
    # Projects that cannot be built or installed.
    Fault(
        "an sdist without what `setup.py` reads (LDO-CERT/mans_to_es#8)",
        "NS501",
        {
            "pyproject.toml": setuptools(project=DYNAMIC),
            "setup.py": f"{SETUP}setup(install_requires=open('requirements.txt').read().split())\n",
            "requirements.txt": "",
        },
    ),
    Fault(
        "an sdist without what `setup.py` imports (chainer/chainer#8586)",
        "NS501",
        {
            "pyproject.toml": setuptools(project=DYNAMIC),
            "setup.py": f"import sys\nsys.path.insert(0, '.')\nimport setup_build\n{SETUP}setup(install_requires=[])\n",
            "setup_build.py": "",
        },
    ),
    Fault(
        "a dependency whose name is misspelt",
        "NS611",
        {"pyproject.toml": pyproject('dependencies = ["packagging-of-nobody-zz"]\n')},
    ),
    Fault(
        "dependencies that exclude each other",
        "NS611",
        {"pyproject.toml": pyproject('dependencies = ["packaging>=24", "packaging<21"]\n')},
    ),
    Fault(
        "a dependency in a version that nobody released",
        "NS611",
        {"pyproject.toml": pyproject('dependencies = ["packaging>=9999"]\n')},
    ),
    # Code that does not run.
    Fault(
        "an import that is not declared (explosion/catalogue#46)", "NS624", module("import requests\n", "__init__.py")
    ),
    Fault(
        "an import of setuptools that was always there",
        "NS624",
        module("from .core import x\n", "__init__.py", **{"core.py": "import pkg_resources\n\nx = 1\n"}),
    ),
    Fault(
        "distutils, which Python 3.12 no longer has",
        "NS624",
        {"pyproject.toml": pyproject(python="3.11,3.12"), **module("import distutils.version\n", "__init__.py")},
    ),
    Fault(
        "an optional module that needs what nothing declares",
        "NS625",
        module("import django\n", "plugin.py"),
        warns=True,
    ),
    Fault(
        "an import that another dependency happens to bring",
        "NS626",
        {
            "pyproject.toml": pyproject('dependencies = ["build"]\n'),
            **module("import pyproject_hooks\n", "__init__.py"),
        },
        warns=True,
    ),
    Fault(
        "syntax of a newer Python than is claimed",
        "NS622",
        {"pyproject.toml": pyproject(python="3.11,3.12"), **module("type Name = str\n", "names.py")},
    ),
    Fault("a module that ends Python", "NS613", module("import sys\n\nsys.exit('not configured')\n", "__init__.py")),
    Fault(
        "a command whose function is gone",
        "NS614",
        {"pyproject.toml": pyproject('\n[project.scripts]\nsample = "sample:run"\n')},
    ),
    Fault(
        "a command in a folder that is not installed",
        "NS614",
        {
            "pyproject.toml": pyproject('\n[project.scripts]\nsample = "scripts.run:main"\n', SRC),
            "scripts/run.py": CORE,
        },
    ),
    Fault(
        "a plug-in whose module is misspelt",
        "NS614",
        {"pyproject.toml": pyproject('\n[project.entry-points."sample.plugins"]\nown = "sample.plugin"\n')},
    ),
    Fault(
        "a command that needs an extra",
        "NS620",
        {
            "pyproject.toml": pyproject(
                '\n[project.optional-dependencies]\ncli = ["packaging"]\n\n'
                '[project.scripts]\nsample = "sample.cli:main"\n'
            ),
            **module(f"import packaging\n\n{CORE}", "cli.py"),
        },
        warns=True,
    ),
)
"""The faults to plant, and what a rehearsal must say about each."""
