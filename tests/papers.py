"""A course that ends with papers: a diagnostic, a quiz, a charter, and an attestation that asks for them."""

from tests.people import course

DIAGNOSTIC = """\
kind: diagnostic
title: Où en êtes-vous ?
axes: [{key: temps, title: Le temps}, {key: outils, title: Les outils}, {key: regles, title: Les règles}]
questions:
  - key: ville
    prompt: À la campagne ?
    choices: [{key: oui, label: Oui}, {key: non, label: Non}]
  - key: matin
    axis: temps
    prompt: Le matin ?
    choices: [{key: court, label: Court}, {key: long, label: Assez long, points: 3}]
  - key: outil
    axis: outils
    prompt: Un outil ?
    choices: [{key: non, label: Non}, {key: oui, label: Oui, points: 3}]
  - key: regle
    axis: regles
    prompt: Une règle ?
    choices: [{key: non, label: Non}, {key: oui, label: Oui, points: 3}]
levels:
  - {at: 0, title: Au départ, text: Tout est devant vous.}
  - {at: 50, title: En route, text: Continuez.}
alerts: []
priorities:
  - {key: agenda, title: Un agenda, text: Écrivez., gain: 3, ease: 2, risk: 1, lesson: a}
"""
QUIZ = """\
kind: quiz
title: Deux questions
pass_mark: 100
comes_back: 0
questions:
  - {key: vrai, type: true_false, prompt: Vrai ou faux, answer: true}
  - {key: nombre, type: number, prompt: Combien, answer: 72}
"""
CHARTER = """\
kind: charter
title: Vos règles
document: Charte de l'IA
sections:
  - key: qui
    title: Qui
    questions:
      - {key: nom, type: text, prompt: Qui décide}
articles:
  - key: roles
    title: Les rôles
    parts:
      - text: "{{ answers.nom }} décide."
"""
CERTIFICATE = """\
certificate:
  title: Attestation de suivi
  text: Trois leçons pour voir.
  requires: [bilan, quiz, regles]
"""
FILES = course(also=CERTIFICATE, words="Voir [vos documents](page:documents).", a="", b="", c="") | {
    "activities/bilan.yaml": DIAGNOSTIC.encode(),
    "activities/quiz.yaml": QUIZ.encode(),
    "activities/regles.yaml": CHARTER.encode(),
}
ANSWERS = {
    "bilan": {"ville": "oui", "matin": "long", "outil": "non", "regle": "oui"},
    "quiz": {"vrai": "true", "nombre": "72"},
    "regles": {"nom": "Zoé Aubert"},
}
"""What is typed where: by question, but for the charter, whose only section is `qui`."""
