"""The lab's command: python3 docker/labtool --help. Standard library only: it runs on a bare machine."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036  older ones can read this file
    sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")

import compose
import demo
import engine
import images
import screen
import start
import sweep
import tools
from failure import Failure
from lab import DOCKER, Lab

Action = Callable[[argparse.Namespace, Lab, screen.Screen], int]


def _up(options: argparse.Namespace, lab: Lab, shown: screen.Screen) -> int:
    start.up(lab, shown)
    if options.json:
        print(json.dumps(start.addresses(lab), indent=2))
    return 0


def _demo(_: argparse.Namespace, lab: Lab, shown: screen.Screen) -> int:
    demo.run(lab, shown)
    return 0


def _down(_: argparse.Namespace, lab: Lab, shown: screen.Screen) -> int:
    start.down(lab, shown)
    return 0


def _clean(_: argparse.Namespace, lab: Lab, shown: screen.Screen) -> int:
    start.clean(lab, shown)
    return 0


def _status(_: argparse.Namespace, lab: Lab, shown: screen.Screen) -> int:
    return start.status(lab, shown)


def _logs(_: argparse.Namespace, lab: Lab, __: screen.Screen) -> int:
    compose.follow_logs(lab)
    return 0


def _images(_: argparse.Namespace, __: Lab, shown: screen.Screen) -> int:
    engine.ensure(shown)
    images.ensure(shown)
    return 0


def _tools(_: argparse.Namespace, __: Lab, shown: screen.Screen) -> int:
    tools.ensure(shown)
    tools.ensure_packages(shown)
    return 0


def _leftovers(_: argparse.Namespace, __: Lab, ___: screen.Screen) -> int:
    print("\n".join(sorted(sweep.present())))
    return 0


def _sweep(options: argparse.Namespace, __: Lab, shown: screen.Screen) -> int:
    before = options.since.read_text().split("\n") if options.since and options.since.exists() else []
    removed = sweep.remove(sweep.present() - set(before))
    shown.say(f"swept: {', '.join(removed)}" if removed else "nothing left over")
    return 0


def _engine_stop(_: argparse.Namespace, __: Lab, shown: screen.Screen) -> int:
    shown.say("Docker's engine stopped." if engine.stop() else "No engine of ours runs.")
    return 0


ACTIONS: dict[str, tuple[Action, str]] = {
    "up": (_up, "set everything up and start the lab; again: take changes over"),
    "demo": (_demo, "up, then one real call through it, step by step"),
    "status": (_status, "what runs"),
    "logs": (_logs, "the containers' logs, going on"),
    "down": (_down, "end the lab: containers, network, database and recordings"),
    "clean": (_clean, "down, and remove passwords, configuration and images"),
    "images": (_images, "build the images only"),
    "tools": (_tools, "what the test suite needs on this machine"),
    "leftovers": (_leftovers, "containers, networks and volumes of labs and tests"),
    "sweep": (_sweep, "remove those that are not in the list that --since names"),
    "engine-stop": (_engine_stop, "stop Docker's engine, if it was started by us"),
}


def read_options() -> argparse.Namespace:
    about = "The lab: Asterisk, Callbridge and phones in containers."
    parser = argparse.ArgumentParser(prog="labtool", description=about)
    # Each has a variable of the same meaning, so that `make demo CALLBRIDGE_WEB_PORT=8090` works.
    shared = argparse.ArgumentParser(add_help=False)
    given = os.environ.get
    shared.add_argument("--project", default=given("COMPOSE_PROJECT_NAME", "callbridge"))
    shared.add_argument("--state", type=Path, default=Path(given("LAB_STATE", str(DOCKER / "lab"))))
    shared.add_argument("--config", type=Path, default=DOCKER / "callbridge.yml")
    shared.add_argument("--clients", type=Path, default=DOCKER / "clients.csv")
    shared.add_argument("--sip-port", type=int, default=given("CALLBRIDGE_SIP_PORT", "5060"))
    shared.add_argument("--rtp-start", type=int, default=given("CALLBRIDGE_RTP_START", "10000"))
    shared.add_argument("--rtp-end", type=int, default=given("CALLBRIDGE_RTP_END", "10199"))
    shared.add_argument("--http-port", type=int, default=given("CALLBRIDGE_HTTP_PORT", "8088"))
    shared.add_argument("--web-port", type=int, default=given("CALLBRIDGE_WEB_PORT", "8080"))
    shared.add_argument("--since", type=Path, help="for sweep: what leftovers printed")
    shared.add_argument("--json", action="store_true", help="after up: print where everything is")
    commands = parser.add_subparsers(dest="action", metavar="COMMAND", required=True)
    for name, (_, help_) in ACTIONS.items():
        commands.add_parser(name, parents=[shared], help=help_, description=help_)
    return parser.parse_args()


def main() -> int:
    options = read_options()
    lab = Lab(
        project=options.project,
        state=options.state.resolve(),
        config=options.config.resolve(),
        clients=options.clients.resolve(),
        sip_port=options.sip_port,
        rtp_start=options.rtp_start,
        rtp_end=options.rtp_end,
        http_port=options.http_port,
        web_port=options.web_port,
    )
    shown = screen.for_people(options.json)
    try:
        return ACTIONS[options.action][0](options, lab, shown)
    except Failure as failure:
        if failure.details:
            print(failure.details, file=sys.stderr)
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
