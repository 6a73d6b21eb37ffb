"""What labs and tests may leave with Docker's engine: listing it, removing it. No other people's things."""

import engine
import shell

# kind → how to list it: name, then what else tells whose it is
LISTS = {
    "container": ["docker", "ps", "-a", "--format", "{{.Names}} {{.Image}} {{.Labels}}"],
    "network": ["docker", "network", "ls", "--format", "{{.Name}}"],
    "volume": ["docker", "volume", "ls", "--format", "{{.Name}} {{.Labels}}"],
}
REMOVE = {
    "container": ["docker", "rm", "-f", "-v"],
    "network": ["docker", "network", "rm"],
    "volume": ["docker", "volume", "rm", "-f"],
}
OURS = ("callbridge", "org.testcontainers")


def present() -> set[str]:
    """ "container callbridge-test_asterisk_1" and the like."""
    if engine.version() is None:
        return set()
    found = set()
    for kind, command in LISTS.items():
        for line in shell.output(command).splitlines():
            if any(word in line for word in OURS):
                found.add(f"{kind} {line.split()[0]}")
    return found


def remove(things: set[str]) -> list[str]:
    """Containers first: networks and volumes are theirs."""
    removed = []
    for kind, command in REMOVE.items():
        names = sorted(thing.split()[1] for thing in things if thing.startswith(f"{kind} "))
        # A container's volumes may have gone with it.
        for name in names:
            if shell.works([*command, name], deadline=60):
                removed.append(f"{kind} {name}")
    return removed
