"""Changelogs in many styles: each before the release 1.2.0 of 2026-03-04 and, below the line ``=>``, after it."""

from __future__ import annotations

HOST = "https://git.invalid/o/r"

MARKDOWN = {
    "as Keep a Changelog": """\
## [Unreleased] - YYYY-MM-DD
- a

## [1.0.0] - 2025-01-02
=>
## [Unreleased] - YYYY-MM-DD

## [1.2.0] - 2026-03-04
- a

## [1.0.0] - 2025-01-02
""",
    "as FastAPI": """\
## Latest Changes
- a

## 1.0.0
=>
## Latest Changes

## 1.2.0
- a

## 1.0.0
""",
    "underlined": """\
Changes
=======

Next
----
- a

v1.0.0 (2025/01/02)
-------------------
=>
Changes
=======

Next
----

v1.2.0 (2026/03/04)
-------------------
- a

v1.0.0 (2025/01/02)
-------------------
""",
    "in code": """\
## `main`
- a

## `1.0.0` (2 Jan 2025)
=>
## `main`

## `1.2.0` (4 Mar 2026)
- a

## `1.0.0` (2 Jan 2025)
""",
    "in bold": """\
## **Unreleased**
- a

## **Version 1.0.0** / January 2nd, 2025
=>
## **Unreleased**

## **Version 1.2.0** / March 4th, 2026
- a

## **Version 1.0.0** / January 2nd, 2025
""",
    "in small sections": """\
# Changes

### Unreleased ###
- a

### 1.0.0, released on 2 January 2025
=>
# Changes

### Unreleased ###

### 1.2.0, released on 4 March 2026
- a

### 1.0.0, released on 2 January 2025
""",
    "with the name of the project": """\
# sample news

## Development version
- a

## sample 1.0.0 | 2025-01-02
=>
# sample news

## Development version

## sample 1.2.0 | 2026-03-04
- a

## sample 1.0.0 | 2025-01-02
""",
    "with words after a date": """\
## Unreleased
- a

## v1.0.0 - 2025-01-02 [YANKED]

## v0.9.0 (2025-01-01)
=>
## Unreleased

## v1.2.0 (2026-03-04)
- a

## v1.0.0 - 2025-01-02 [YANKED]

## v0.9.0 (2025-01-01)
""",
    "with words after every date": """\
## Unreleased
- a

## v1.0.0 - the first one
=>
## Unreleased

## v1.2.0 - 2026-03-04
- a

## v1.0.0 - the first one
""",
    "with the version that comes": """\
# C

## 1.3 (unreleased)
- a

## 1.0.0 (2025-01-02)
=>
# C

## 1.2.0 (2026-03-04)
- a

## 1.0.0 (2025-01-02)
""",
    "with the version that comes, alone": """\
## [1.2.0] - TBD
- a
=>
## [1.2.0] - 2026-03-04
- a
""",
    "with a development version": """\
## 1.2.0.dev0
- a
=>
## 1.2.0 - 2026-03-04
- a
""",
    "with a link that comes": """\
## [1.2.0] - 2026-xx-xx
- a

## [1.0.0]

[1.2.0]: HOST/compare/v1.0.0...HEAD
[1.0.0]: HOST/v1.0.0
=>
## [1.2.0]
- a

## [1.0.0]

[1.2.0]: HOST/compare/v1.0.0...v1.2.0
[1.0.0]: HOST/v1.0.0
""",
    "with the mark in brackets": """\
## 1.2.0 [unreleased]
- a
=>
## 1.2.0 [2026-03-04]
- a
""",
    "with links of plain headings": """\
## Unreleased
- a

## 1.0.0

[unreleased]: HOST/compare/v1.0.0...HEAD
[v1.0.0]: HOST/v1.0.0
=>
## Unreleased

## 1.2.0
- a

## 1.0.0

[unreleased]: HOST/compare/v1.2.0...HEAD
[v1.2.0]: HOST/compare/v1.0.0...v1.2.0
[v1.0.0]: HOST/v1.0.0
""",
    "with a plain heading above linked ones": """\
## 1.2.0 (unreleased)
- a

## [1.0.0] - 2025-01-02

[1.0.0]: HOST/compare/v0.9.0...v1.0.0
=>
## 1.2.0 - 2026-03-04
- a

## [1.0.0] - 2025-01-02

[1.0.0]: HOST/compare/v0.9.0...v1.0.0
""",
    "with letters before the linked versions": """\
## Unreleased
- a

## [v1.0.0]

[v1.0.0]: HOST/compare/v0.9...v1.0.0
=>
## Unreleased

## [v1.2.0]
- a

## [v1.0.0]

[v1.2.0]: HOST/compare/v1.0.0...v1.2.0
[v1.0.0]: HOST/compare/v0.9...v1.0.0
""",
    "with a date below": """\
## 1.2.0

*Unreleased*

- a

## 1.0.0

*2025-01-02*

- b
=>
## 1.2.0

*2026-03-04*

- a

## 1.0.0

*2025-01-02*

- b
""",
}
"""The changelogs in Markdown."""

RESTRUCTURED = {
    "as Pallets": """\
Version 1.3
-----------

Unreleased

-   a

Version 1.0
-----------

Released 2025-01-02
=>
Version 1.2.0
-------------

Released 2026-03-04

-   a

Version 1.0
-----------

Released 2025-01-02
""",
    "as Pallets, at first": """\
Version 1.2.0
-------------

Release date: unreleased

-   a
=>
Version 1.2.0
-------------

Release date: 2026-03-04

-   a
""",
    "unmarked": """\
1.2.0
-----

Unreleased

- a
=>
1.2.0
-----

Released 2026-03-04

- a
""",
    "as zest.releaser": """\
Changes
=======

1.3 (unreleased)
----------------

- a

1.0 (January 2, 2025)
---------------------
=>
Changes
=======

1.2.0 (March 4, 2026)
---------------------

- a

1.0 (January 2, 2025)
---------------------
""",
    "with lines above": """\
======
 News
======

**********
Unreleased
**********

* a

****************
 1.0 2025-01-02
****************
=>
======
 News
======

**********
Unreleased
**********

******************
 1.2.0 2026-03-04
******************

* a

****************
 1.0 2025-01-02
****************
""",
    "with lines of one length": """\
Unreleased
------------------------------

- a
=>
Unreleased
------------------------------

1.2.0 (2026-03-04)
------------------------------

- a
""",
    "with links": """\
`Unreleased`_
-------------

* a

`1.0`_ - 2025-01-02
-------------------

.. _Unreleased: HOST/compare/v1.0...HEAD
.. _`1.0`: HOST/compare/v0.9...v1.0
=>
`Unreleased`_
-------------

`1.2.0`_ - 2026-03-04
---------------------

* a

`1.0`_ - 2025-01-02
-------------------

.. _Unreleased: HOST/compare/v1.2.0...HEAD
.. _1.2.0: HOST/compare/v1.0...v1.2.0
.. _`1.0`: HOST/compare/v0.9...v1.0
""",
    "with embedded links": """\
Unreleased
----------

* a

`1.0 <HOST/tag/v1.0>`_
------------------------------------------------------------
=>
Unreleased
----------

`1.2.0 <HOST/tag/v1.2.0>`_
------------------------------------------------------------

* a

`1.0 <HOST/tag/v1.0>`_
------------------------------------------------------------
""",
    "with wide letters": """\
変更履歴
========

変更 1.3 (unreleased)
---------------------

- a
=>
変更履歴
========

変更 1.2.0 (2026-03-04)
-----------------------

- a
""",
    "with what only looks like a heading": """\
::

    Unreleased
    ----------

..
    Unreleased
    ----------

==========  =====
Unreleased  x
==========  =====
1.2.0       y
==========  =====

.. include:: /etc/hostname

Unreleased
==========

* a
=>
::

    Unreleased
    ----------

..
    Unreleased
    ----------

==========  =====
Unreleased  x
==========  =====
1.2.0       y
==========  =====

.. include:: /etc/hostname

Unreleased
==========

1.2.0 (2026-03-04)
==================

* a
""",
}
"""The changelogs in reStructuredText."""


def before_and_after(case: str) -> tuple[str, str]:
    """Return the two halves of an example: before and after the release."""
    before, after = case.replace("HOST", HOST).split("=>\n")
    return before, after
