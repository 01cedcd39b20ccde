"""What an author begins with: a small course, a lesson, an activity of each kind."""

from collections.abc import Mapping

COURSE: Mapping[str, str] = {
    "course.yaml": """\
title: Mon parcours
language: fr
summary: En une phrase, ce que l'on saura faire à la fin.
description: |
  Trois leçons de cinq minutes, une par semaine.
slot: "tue 08:30"
calendar: FR
modules:
  - key: debuts
    title: Pour commencer
welcome:
  subject: Bienvenue
  text: |
    Votre première leçon arrive bientôt. Vous pouvez changer de jour, faire une pause ou quitter le
    parcours par les liens au pied de chaque message.
farewell:
  subject: C'était la dernière leçon
  text: |
    Merci d'avoir suivi ce parcours jusqu'au bout.
""",
    "lessons/01-premier-pas.md": """\
---
subject: Un premier pas
module: debuts
minutes: 5
draft: true
---

Bonjour {{ learner.first_name }},

Écrivez ici une seule idée, un exemple, puis une action à faire cette semaine.

:::encadre À faire cette semaine
- [ ] La première chose
- [ ] La deuxième
:::

:::bouton activite:point-1
C'est fait
:::
""",
    "activities/point-1.yaml": """\
kind: checkin
title: Le premier pas
prompt: Avez-vous fait les deux choses de la leçon ?
button: C'est fait
""",
}
"""A course that passes `check`, by file."""

LESSON = """\
---
subject: …
module: …
minutes: 5
draft: true
---

Bonjour {{ learner.first_name }},

Écrivez ici une seule idée, un exemple, puis une action à faire cette semaine.
"""

ACTIVITIES: Mapping[str, str] = {
    "checkin": """\
kind: checkin
title: …
prompt: Avez-vous fait ce que proposait la leçon ?
button: C'est fait
""",
    "quiz": """\
kind: quiz
title: …
intro: Deux questions pour vérifier l'essentiel.
pass_mark: 70
questions:
  - key: q1
    type: single
    prompt: Écrivez ici la première question.
    choices:
      - {key: a, label: La bonne réponse, correct: true}
      - {key: b, label: Une réponse fausse mais plausible}
    feedback: Dites pourquoi c'est ainsi.
  - key: q2
    type: true_false
    prompt: Écrivez ici une affirmation.
    answer: true
    feedback: Dites pourquoi c'est ainsi.
""",
    "diagnostic": """\
kind: diagnostic
title: …
intro: Quelques questions sur ce qui se passe aujourd'hui dans l'entreprise.
axes:
  - {key: equipe, title: L'équipe}
  - {key: regles, title: Les règles}
questions:
  - key: q1
    axis: equipe
    prompt: Écrivez ici une question sur l'équipe.
    choices:
      - {key: non, label: Pas encore, points: 0}
      - {key: partie, label: En partie, points: 1}
      - {key: oui, label: "Oui, on peut le voir", points: 2}
  - key: q2
    axis: regles
    prompt: Écrivez ici une question sur les règles.
    choices:
      - {key: non, label: Pas encore, points: 0}
      - {key: partie, label: En partie, points: 1}
      - {key: oui, label: "Oui, c'est écrit", points: 2}
levels:
  - {at: 0, title: Le début, text: Dites ici par quoi commencer.}
  - {at: 60, title: Bien en route, text: Dites ici comment aller plus loin.}
""",
    "poll": """\
kind: poll
title: …
prompt: À quel point êtes-vous à l'aise avec ce sujet ?
scale: 5
low: pas du tout
high: tout à fait
""",
    "charter": """\
kind: charter
title: …
document: Nos règles
sections:
  - key: entreprise
    title: L'entreprise
    questions:
      - {key: nom, type: text, prompt: "Nom de l'entreprise", required: true}
      - {key: regle, type: text, prompt: Écrivez votre première règle.}
articles:
  - key: objet
    title: À quoi servent ces règles
    parts:
      - text: "Ces règles valent pour toutes les personnes de {{ answers.nom }}."
  - key: regles
    title: Ce que nous faisons
    parts:
      - {answer: regle}
""",
    "agreement": """\
kind: agreement
title: …
prompt: Avez-vous lu les règles, et les suivrez-vous ?
charter: charte
""",
}
"""By kind; `…` stands for the title."""
