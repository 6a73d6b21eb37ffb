"""The configurations that the tests start from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LAB = ROOT / "docker" / "callbridge.yml"

SMALL = """\
company:
  name: Daisy Ltd
  region: RU
  language: {default: en, by_prefix: {"+7": ru}}
trunks:
  lab: {match: [203.0.113.0/24]}
numbers:
  "+74950000001": {menu: main}
  "+74950000002": {queue: support}
agents:
  "1001": {name: Anna}
  "1002": {name: Boris, language: ru}
queues:
  support: {title: Support, members: ["1001", "1002"]}
menus:
  main: {greeting: callbridge/main-menu, options: {"1": {queue: support}}}
"""
