"""The ``callbridge`` command: reads its arguments, calls the room that does the work, prints what came of it.

Exit codes: 0 done; 1 done, and something is wrong (faults in the file, lines refused, a finding of doctor);
2 wrong usage; 3 the configuration cannot be used; 4 something that is needed cannot be reached (or a port is
taken); 130 interrupted from the keyboard.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bridge import __version__, cli_callbacks, cli_crm, cli_recordings, cli_store, logs
from bridge.errors import BadInput, BadTrace, CallbridgeError, ConfigurationError, RemoteError

OK, FINDINGS, USAGE, CONFIGURATION, REMOTE = range(5)
CONFIG_DEFAULT = Path("/etc/callbridge/callbridge.yml")
SECRETS_DEFAULT = Path("/run/callbridge/secrets.env")

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    logs.configure()
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return CONFIGURATION
    except BadInput as error:
        print(f"callbridge: {error}", file=sys.stderr)
        return FINDINGS
    except RemoteError as error:
        print(f"callbridge: {error}", file=sys.stderr)
        return REMOTE
    except CallbridgeError as error:
        print(f"callbridge: {error}", file=sys.stderr)
        return FINDINGS
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read our output (head, less) has seen enough.
            sys.stderr.close()
            return OK
        print(f"callbridge: {error}", file=sys.stderr)
        return REMOTE
    except KeyboardInterrupt:
        return 130


# ── commands ─────────────────────────────────────────────────────────────────


# Seconds after which a thread that has more to do lets another one go on. Those that read the database or
# join a recording change with the loop many times in each of their jobs: with Python's 5 ms both wait more
# than they work.
_SWITCH_INTERVAL = 0.0005


def _run(options: argparse.Namespace) -> int:
    import uvloop

    from bridge.app import serve

    sys.setswitchinterval(_SWITCH_INTERVAL)
    uvloop.run(serve(options.config, options.secrets, take_over=options.take_over))
    return OK


def _check(options: argparse.Namespace) -> int:
    from bridge import config

    faults = config.check(options.config, with_key=True)
    for fault in faults:
        print(fault)
    if not faults:
        print(f"{options.config}: no fault found")
    return FINDINGS if faults else OK


def _schema(_: argparse.Namespace) -> int:
    from bridge import config

    print(json.dumps(config.json_schema(), indent=2, ensure_ascii=False))
    return OK


def _render(options: argparse.Namespace) -> int:
    from bridge import config

    settings = config.load(options.config)
    secrets = config.Secrets.load_or_create(options.secrets, settings)
    rendered = config.render(settings, secrets, options.output)
    for path in rendered.written:
        print(f"written    {path}")
    print(f"{len(rendered.written)} written, {len(rendered.unchanged)} unchanged")
    return OK


def _secrets(options: argparse.Namespace) -> int:
    from bridge import config

    config.Secrets.load_or_create(options.output, config.load(options.config))
    print(f"{options.output}: complete")
    return OK


def _doctor(options: argparse.Namespace) -> int:
    from bridge.doctor import examine

    findings = asyncio.run(examine(options.config, options.secrets))
    for finding in findings:
        print(finding)
    return FINDINGS if any(not finding.well for finding in findings) else OK


def _replay(options: argparse.Namespace) -> int:
    from bridge import config
    from bridge.ami.replay import replay
    from bridge.crm.tickets import call_tickets
    from bridge.traced import calls_of

    settings = config.load(options.config) if options.config is not None else None
    try:
        trace = options.file.read_bytes()
    except OSError as error:
        raise BadInput(f"{options.file}: {error.strerror}; give a recorded AMI trace") from error
    try:
        for event in replay(trace):
            print(json.dumps(event.to_dict(), ensure_ascii=False))
        if settings is None:
            calls = calls_of(trace)
        else:
            calls = calls_of(trace, config.plan_of(settings), settings.trunks, call_tickets(settings))
        for call in calls:
            print(json.dumps(call.to_dict(), ensure_ascii=False))
    except BadTrace as error:
        raise BadTrace(f"{options.file}: {error}") from error
    return OK


def _user_add(options: argparse.Namespace) -> int:
    from bridge.administration import add_user

    password = sys.stdin.readline().rstrip("\n") if options.password_stdin else ""
    given = asyncio.run(add_user(options.config, options.login, options.role, options.agent, password))
    print(f"user {options.login} ({options.role}) added")
    if not password:
        print(f"password: {given}")
    return OK


def _user_sync(options: argparse.Namespace) -> int:
    from bridge.administration import sync_users

    changed = asyncio.run(sync_users(options.config, options.secrets))
    print(f"{len(changed)} log-ins set" + (f": {', '.join(changed)}" if changed else ""))
    return OK


def _explain(options: argparse.Namespace) -> int:
    from bridge.administration import explain_call
    from bridge.crm.explanation import as_json, as_text, no_offers

    explanation = asyncio.run(explain_call(options.config, options.call))
    for line in as_json(explanation) if options.json else as_text(explanation):
        print(line)
    if options.json and not explanation.offers:
        print(f"callbridge: {no_offers(explanation)}", file=sys.stderr)
    return OK


def _simulate(options: argparse.Namespace) -> int:
    from bridge.centre.ids import QueueName
    from bridge.centre.plan import Strategy
    from bridge.centre.recorded import Change
    from bridge.simulate import replay
    from bridge.simulation_report import as_json, as_text

    def progress(said: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{said:<60}\r", end="", file=sys.stderr, flush=True)

    change = Change(
        QueueName(options.queue) if options.queue is not None else None,
        Strategy(options.strategy) if options.strategy is not None else None,
        options.agents,
    )
    try:
        report = replay(options.config, options.log, change, options.save, progress)
    finally:
        progress("")
    if options.json:
        print(as_json(report))
    else:
        for line in as_text(report):
            print(line)
    return OK


def _number_of_agents(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 5 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number of agents: give one from 1 to 9999")
    return int(text)


# ── arguments ────────────────────────────────────────────────────────────────


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="callbridge",
        description="A self-hosted contact centre for Asterisk.",
        epilog="Exit codes: 0 done; 1 done, and something is wrong; 2 wrong usage; "
        "3 the configuration cannot be used; 4 something that is needed cannot be reached, "
        "or a port is taken; 130 interrupted from the keyboard.",
    )
    parser.add_argument("--version", action="version", version=f"callbridge {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Command, help_: str, example: str, *wants: str) -> argparse.ArgumentParser:
        return _command(commands, name, command, help_, example, wants)

    run = add("run", _run, "serve calls until told to stop", "callbridge run", "config", "secrets")
    run.add_argument(
        "--take-over",
        action="store_true",
        help="if another one runs: make it stop, and go on with its calls (else that is an error)",
    )
    add("check", _check, "every fault of the YAML file", "callbridge check --config callbridge.yml", "config")
    add("schema", _schema, "print the YAML file's JSON Schema", "callbridge schema > callbridge.schema.json")
    render = add(
        "render",
        _render,
        "write Asterisk's configuration from the YAML file",
        "callbridge render --config callbridge.yml --output /etc/asterisk",
        "config",
        "secrets",
    )
    render.add_argument("--output", type=Path, required=True, help="Asterisk's configuration directory")
    secrets = add(
        "secrets",
        _secrets,
        "generate the passwords that are still missing",
        "callbridge secrets --config callbridge.yml --output secrets.env",
        "config",
    )
    secrets.add_argument("--output", type=Path, required=True, help="the file, readable by its owner only")
    add(
        "doctor", _doctor, "what is wrong between here and Asterisk", "callbridge doctor", "config", "secrets"
    )
    replay = add(
        "replay", _replay, "what a recorded AMI trace says of its calls", "callbridge replay trace.ami"
    )
    replay.add_argument("file", type=Path, help="raw AMI text, or a JSON list of events")
    replay.add_argument(
        "--config", type=Path, help="whose phones and trunks these are; without it, guessed from the numbers"
    )
    explain = add(
        "explain",
        _explain,
        "why a call was offered to these agents: all who might have been asked, at each offer",
        "callbridge explain 1700000000.42",
        "config",
    )
    explain.add_argument("call", help="the call's id, or a leg's")
    explain.add_argument("--json", action="store_true", help="one JSON object a line for each offer")
    simulate = add(
        "simulate",
        _simulate,
        "a recorded day with another strategy or number of agents: service level, waits, occupancy",
        "callbridge simulate --from 2026-11-22 --strategy rrmemory --queue support --agents 10",
        "config",
    )
    _simulation_arguments(simulate)
    user = commands.add_parser("user", help="log-ins").add_subparsers(metavar="COMMAND", required=True)
    user_add = _command(
        user,
        "add",
        _user_add,
        "add a log-in; without --password-stdin a password is made and printed once",
        "callbridge user add anna --role agent --agent 1001",
        ("config",),
    )
    user_add.add_argument("login")
    user_add.add_argument("--role", choices=("agent", "supervisor"), required=True)
    user_add.add_argument("--agent", help="which agent of the YAML file this person is")
    user_add.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    _command(
        user,
        "sync",
        _user_sync,
        "a log-in for each agent of the YAML file, a supervisor's for whom a department names as one, and "
        "the supervisor's own, with the secrets' passwords",
        "callbridge user sync",
        ("config", "secrets"),
    )

    cli_crm.declare(commands, _command)
    cli_recordings.declare(commands, _command)
    cli_callbacks.declare(commands, _command)
    cli_store.declare(commands, _command)
    return parser


def _simulation_arguments(simulate: argparse.ArgumentParser) -> None:
    from bridge.centre.plan import Strategy

    simulate.add_argument(
        "--from",
        dest="log",
        metavar="LOG",
        required=True,
        help="a day of the database, as 2026-11-22; or a file of calls, one a line, as GET /api/v1/calls "
        "gives them",
    )
    simulate.add_argument("--strategy", choices=[strategy.value for strategy in Strategy])
    simulate.add_argument("--agents", type=_number_of_agents, metavar="N", help="so many in the queue")
    simulate.add_argument("--queue", metavar="NAME", help="change, and show, this queue alone")
    simulate.add_argument(
        "--save", type=Path, metavar="FILE", help="write the day as such a file, without who called"
    )
    simulate.add_argument("--json", action="store_true", help="one JSON object")


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Command,
    help_: str,
    example: str,
    wants: Sequence[str],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_, description=help_, epilog=f"Example: {example}")
    parser.set_defaults(command=command)
    if "config" in wants:
        parser.add_argument(
            "--config", type=Path, default=Path(CONFIG_DEFAULT), help=f"default: {CONFIG_DEFAULT}"
        )
    if "secrets" in wants:
        parser.add_argument(
            "--secrets", type=Path, default=Path(SECRETS_DEFAULT), help=f"default: {SECRETS_DEFAULT}"
        )
    return parser
