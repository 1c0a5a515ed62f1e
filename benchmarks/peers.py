"""Each attack and the whole audit beside published tools, on the same releases of UCI Adult and with as many tries.

    PYTHONPATH=benchmarks python benchmarks/peers.py FOLDER --peers PYTHON [--tries 500] [--rows 24000] [--releases N]

FOLDER holds `adult.data` and `adult.test` as published (archive.ics.uci.edu, dataset 2, CC BY 4.0). PYTHON is the
interpreter of an environment of its own with the peers, which need older numbers of some libraries:

    python -m venv PEERS && PEERS/bin/pip install anonymeter sdmetrics pycanon 'pandas<3'

Every measure runs in a process of its own, ours with an empty cache: seconds are wall time without imports and reading,
MiB the highest resident size of the process and its children. Peers print a number and no verdict, so it stands there.
Ratios are for one machine in one run; the values of different definitions are not comparable, only what they react to.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from adult_releases import NUMERIC, releases
from public_tables import ADULT, adult, write

QUASI = ("age", "education", "marital-status", "race", "sex", "native-country")
SECRET = "income"

PEER = """
import json, resource, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
what, members, others, release, tries = *sys.argv[1:5], int(sys.argv[5])
QUASI, SECRET, NUMERIC = json.loads(sys.argv[6])
frames = [pd.read_csv(path) for path in (members, others, release)]
ori, control, syn = frames
n = min(tries, len(control))
if what.startswith("anonymeter"):
    from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator
elif what.startswith("sdmetrics"):
    from sdmetrics.single_table import DCRBaselineProtection, DCROverfittingProtection, DisclosureProtection
    meta = {"columns": {c: {"sdtype": "numerical" if c in NUMERIC else "categorical"} for c in ori.columns}}
    meta = {"tables": {"table": meta}, "relationships": []}
else:
    from pycanon import anonymity
started = time.perf_counter()
if what == "anonymeter singling-out":
    e = SinglingOutEvaluator(ori=ori, syn=syn, control=control, n_attacks=n, n_cols=3)
    e.evaluate(mode="multivariate"); value = e.risk().value
elif what == "anonymeter linkability":
    half = list(ori.columns)[0::2], list(ori.columns)[1::2]
    e = LinkabilityEvaluator(ori=ori, syn=syn, control=control, n_attacks=n, aux_cols=half, n_neighbors=1)
    e.evaluate(n_jobs=2); value = e.risk().value
elif what == "anonymeter inference":
    aux = [c for c in ori.columns if c != SECRET]
    e = InferenceEvaluator(ori=ori, syn=syn, control=control, aux_cols=aux, secret=SECRET, regression=False,
                           n_attacks=n)
    e.evaluate(n_jobs=2); value = e.risk().value
elif what == "sdmetrics DCR overfitting":
    value = DCROverfittingProtection.compute(real_training_data=ori, real_validation_data=control, synthetic_data=syn,
        metadata=meta, table_name="table", num_rows_subsample=tries)
elif what == "sdmetrics disclosure":
    value = DisclosureProtection.compute(real_data=ori.head(tries * 4), synthetic_data=syn.head(tries * 4),
        known_column_names=QUASI, sensitive_column_names=[SECRET])
else:
    value = [anonymity.k_anonymity(syn, QUASI), anonymity.l_diversity(syn, QUASI, [SECRET]),
             anonymity.t_closeness(syn, QUASI, [SECRET])]
seconds = time.perf_counter() - started
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
print(json.dumps({"seconds": seconds, "mib": peak, "value": value}, default=float))
"""

OURS = """
import json, sys, time
from pathlib import Path
from audit_core.attempt import attempt
from audit_core.bench import Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import content_digest
from audit_core.table_case import prepare
from audit_core.isolation import Limits
from audit_core.recipe import recipe_of_files
from audit_core.registry import discover
name, members, others, release = sys.argv[1:5]
params, (quasi, secret, _) = json.loads(sys.argv[5]), json.loads(sys.argv[6])
case = prepare(recipe_of_files(release=Path(release), members=members, non_members=others, quasi_identifiers=quasi,
                               sensitive=[secret]))
registry = discover()
plugin = registry.measuring[name]
setting = Setting(seed=0, content=content_digest(case), limits=Limits(), confidence=0.95)
started = time.perf_counter()
done = attempt(plugin, params, lay_out(case, setting, registry, [plugin], Cache()))
seconds = time.perf_counter() - started
import resource
core = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
values = {f"{m.name} {m.of}": round(m.value, 4) for m in done.finding.measurements if m.name in done.finding.compares}
values |= {m.name: round(m.value, 4) for m in done.finding.measurements if name == "k-anonymity"}
print(json.dumps({"seconds": seconds, "mib": max(core, done.usage.peak_mib), "value": values}))
"""


def ran(python: str, code: str, *arguments: object) -> dict[str, Any]:
    """What a measure printed; why it did not where it failed or took longer than a quarter of an hour."""
    try:
        done = subprocess.run(
            [python, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=900, check=False
        )
    except subprocess.TimeoutExpired:
        return {"seconds": float("nan"), "mib": float("nan"), "value": "over 900 s"}
    if done.returncode:
        return {"seconds": float("nan"), "mib": float("nan"), "value": done.stderr.strip().splitlines()[-1][:80]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def pairs(tries: int) -> tuple[tuple[str, str, dict[str, int]], ...]:
    """A peer's measure, ours for the same question, and ours with as many tries."""
    return (
        ("anonymeter singling-out", "singling-out", {"tries": tries}),
        ("anonymeter linkability", "linkability", {"targets": tries}),
        ("anonymeter inference", "attribute-disclosure", {"targets": tries}),
        ("sdmetrics DCR overfitting", "nearest-record", {}),
        ("sdmetrics disclosure", "attribute-disclosure", {"targets": tries}),
        ("pycanon k, l, t", "k-anonymity", {}),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peers", required=True, help="interpreter of the peers' environment")
    parser.add_argument("--tries", type=int, default=500)
    parser.add_argument("--rows", type=int, default=24_000, help="members; a third as many non-members")
    parser.add_argument("--releases", type=int, default=6, help="how many of the six")
    options = parser.parse_args()
    rows = adult(options.folder)
    members, rest = rows[: options.rows], rows[options.rows :]
    others, rest = rest[: options.rows // 3], rest[options.rows // 3 :]
    shared = json.dumps([QUASI, SECRET, NUMERIC])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arms = [write(folder / "members.csv", ADULT, members), write(folder / "others.csv", ADULT, others)]
        made = list(releases(members, rest).items())[: options.releases]
        for title, released in made:
            path = write(folder / "release.csv", ADULT, released)
            print(f"\n{title}")
            started = time.monotonic()
            audit = [sys.executable, "-m", "audit_core", "audit", "--release", str(path), "--members", str(arms[0])]
            audit += ["--non-members", str(arms[1]), "--quasi-identifiers", ",".join(QUASI), "--sensitive", SECRET]
            subprocess.run([*audit, "--out", str(folder / title)], capture_output=True, check=False)
            seconds = time.monotonic() - started
            card = json.loads((folder / title / "scorecard.json").read_text(encoding="utf-8"))
            failed = sorted({one["rule"] for one in card["judgements"] if one["verdict"] == "fail"})
            print(f"  whole audit: {card['verdict']} in {seconds:.1f} s  {', '.join(failed)}", flush=True)
            for peer, ours, params in pairs(options.tries):
                theirs = ran(options.peers, PEER, peer, *arms, path, options.tries, shared)
                our = ran(sys.executable, OURS, ours, *arms, path, json.dumps(params), shared)
                print(
                    f"  {peer:26} {theirs['seconds']:8.1f} s {theirs['mib']:6.0f} MiB  {theirs['value']}\n"
                    f"    {ours:24} {our['seconds']:8.1f} s {our['mib']:6.0f} MiB  "
                    f"x{theirs['seconds'] / our['seconds']:.0f}  {our['value']}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
