"""Removing the packet-filter rules that kube-proxy, the kubelet, the CNI plugins and we made: those, and no others.

Ours are the chains named KUBE-*, CNI-* and BACKSTOP-*, and every rule that jumps into one of them.
"""

import re
import shlex
from itertools import pairwise
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.settings import POD_BRIDGE
from tests.cluster.shell import find_program, run

OUR_CHAIN = re.compile(r"^(KUBE|CNI|BACKSTOP)-")
JUMPS = ("-j", "-g", "--jump", "--goto")
COMMANDS = (("iptables-save", "iptables-restore"), ("ip6tables-save", "ip6tables-restore"))
HOST_CHAIN = "BACKSTOP-PODS"


def cleanup_script(saved: str) -> str:
    """Return input for `iptables-restore --noflush` that removes our rules and chains from what was saved.

    Empty when there is nothing of ours. Rules of other chains stay, as do their order and counters.
    """
    script: list[str] = []
    table, chains, jumps = "", list[str](), list[str]()
    for line in saved.splitlines():
        if line.startswith("*"):
            table, chains, jumps = line, [], []
        elif line.startswith(":"):
            if OUR_CHAIN.match(_chain(line)):
                chains.append(_chain(line))
        elif line.startswith("-A "):
            if OUR_CHAIN.match(_jump_target(line)) and not OUR_CHAIN.match(_chain(line)):
                jumps.append("-D" + line[2:])
        elif line == "COMMIT" and (chains or jumps):
            # First no jump from outside, then no rule in any of ours: only then may the chains go, in any order.
            script += [table, *jumps, *(f":{name} - [0:0]" for name in chains), *(f"-X {n}" for n in chains), "COMMIT"]
    return "\n".join(script) + "\n" if script else ""


def _chain(line: str) -> str:
    """Return the chain that a saved line declares or adds to."""
    return line[1:].split(maxsplit=1)[0] if line.startswith(":") else line.split()[1]


def _jump_target(rule: str) -> str:
    """Return the chain that a rule jumps to, "" for none. A comment may hold anything, so quotes are honoured."""
    words = shlex.split(rule)
    return next((target for option, target in pairwise(words) if option in JUMPS), "")


def our_rules(saved: str) -> list[str]:
    """Return the saved lines that are ours, for the report of what is left behind."""
    lines = [line for line in saved.splitlines() if line.startswith((":", "-A "))]
    return [line for line in lines if OUR_CHAIN.match(_chain(line)) or OUR_CHAIN.match(_jump_target(line))]


def remove_our_rules() -> int:
    """Remove our rules from all tables of both families; return how many lines there were."""
    removed = 0
    for save, restore in COMMANDS:
        program = find_program(save)
        if program is None:
            continue  # no iptables: then nobody made rules with it either
        saved = run([program])
        script = cleanup_script(saved)
        if script:
            run([find_program(restore) or restore, "--noflush"], stdin=script)
            removed += len(our_rules(saved))
    return removed


def foreign_rules() -> bool:
    """Tell whether a kube-proxy's chains are there; asked only when no cluster of ours is up."""
    program = find_program("iptables-save")
    return program is not None and any("KUBE-SERVICES" in line for line in our_rules(run([program])))


def admit_pods() -> None:
    """Let pods reach each other, the host and Services where the machine's own rules would drop what they forward."""
    script = [
        "*filter",
        f":{HOST_CHAIN} - [0:0]",
        f"-A {HOST_CHAIN} -i {POD_BRIDGE} -j ACCEPT",
        f"-A {HOST_CHAIN} -o {POD_BRIDGE} -j ACCEPT",
        "COMMIT",
    ]
    run([_iptables("iptables-restore"), "--noflush"], stdin="\n".join(script) + "\n")
    for chain in ("INPUT", "FORWARD"):
        rule = [chain, "-j", HOST_CHAIN]
        if not _has(rule):
            run([_iptables("iptables"), "-I", *rule])


def _has(rule: list[str]) -> bool:
    try:
        run([_iptables("iptables"), "-C", *rule])
    except ClusterError:
        return False
    return True


def _iptables(program: str) -> Path:
    found = find_program(program)
    if found is None:
        raise ClusterError(f"{program} is not installed", hint="apt-get install iptables")
    return found
