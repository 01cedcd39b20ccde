"""A course of three lessons, as an author would write it, and an honest answer to its form."""

SLUG = "essai"

COURSE = """
title: L'essai en trois leçons
language: fr
summary: Trois leçons pour voir.
description: |
  Un parcours **court** pour {{ course.title }}.

  ![Un chemin](images/chemin.png)
slot: "tue 08:30"
modules:
  - {key: debut, title: Le début, summary: On commence.}
  - {key: suite, title: La suite}
welcome: {subject: Bienvenue, text: Bonjour.}
farewell: {subject: Au revoir, text: Merci.}
tutor: {name: Alice Aubert, email: alice@example.org}
"""

FIRST = """---
subject: Par où commencer ?
module: debut
minutes: 5
sources:
  - {id: rapport, title: Le rapport, publisher: Institut, date: 2026-09, url: "https://example.org/rapport"}
---
Bonjour {{ learner.first_name }} de {{ learner.company }}, voici *la* première leçon.

## Un titre

:::chiffre 26 % | rapport
des entreprises l'ont essayé.
:::

:::attention Prudence
Ne collez pas de nom de client.
:::

:::si learner.size >= 50
Parlez-en au CSE.
:::

![Un chemin](images/chemin.png)

- [ ] Noter trois tâches.

Voir [la suite](lecon:suite) et [le site](https://example.org/).

:::bouton activite:point
C'est fait
:::
"""

SECOND = """---
subject: La suite
module: suite
minutes: 6
---
Reprenez [la première leçon](lecon:debut).

:::question point
:::
"""

LAST = """---
subject: La fin
module: suite
minutes: 7
---
Et voilà.
"""

ACTIVITY = """
kind: checkin
title: Trois tâches
prompt: Avez-vous noté trois tâches ?
"""

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154"
    "789c6360606060000000050001a5f645400000000049454e44ae426082"
)

FILES = {
    "course.yaml": COURSE.encode(),
    "lessons/01-debut.md": FIRST.encode(),
    "lessons/02-suite.md": SECOND.encode(),
    "lessons/03-fin.md": LAST.encode(),
    "activities/point.yaml": ACTIVITY.encode(),
    "images/chemin.png": PIXEL,
}

FORM = {
    "first_name": "Bob",
    "company": "",
    "size": "",
    "weekday": "1",
    "time": "08:30",
    "zone": "Europe/Paris",
    "region": "",
    "consent": "yes",
}
