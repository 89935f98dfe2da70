"""What the records say of Noise2SR beside methods that are trained on a set, by the rule of `verdicts`."""

import math
from statistics import fmean, pstdev, stdev

from ..errors import InputError
from ..experiments import table1_rivals, table1_sets
from ..experiments.run import IMAGES, LEVELS, PAIR
from ..experiments.training_sets import FAR, HELD_OUT, NO_SET, ON_SET, WARM_PARTS, cold
from ..runs.collect import found
from . import rivals, transfer
from .ablations import Recorded, differences, score
from .rivals import FULL, LABELS, PLANS, cell, grid
from .verdicts import BEST_FIRST, Finding, K, above_zero, keys_of, weighed

#: Where the images come from; the first is what the networks were trained on.
DOMAINS = {"held-out structures": HELD_OUT, "the paper's images": IMAGES, "another material": FAR}
#: The paper's rows with a training set.
RIVALS = tuple(name for name in ON_SET if name != "noise2sr_set")

Domains = dict[str, dict[str, dict[str, dict]]]  # domain -> method -> image -> record


def _comparable(everything: dict[str, Recorded]) -> Finding:
    """C05. Found: at no complete level is Noise2SR below the best rival by the rule, with both plans."""
    said, spread, named, parts, groups = [], [], [], [], []
    for a in LEVELS:
        for profile, recorded in everything.items():
            cells = grid(recorded)
            plans = [name for name in PLANS if any(cell(run) == name for run in recorded)]
            level = {name: cells.get((name, a), {}) for name in (*plans, *RIVALS)}
            if min(map(len, level.values())) < len(IMAGES):
                continue
            best = max(RIVALS, key=lambda name: fmean(map(score("estimate"), level[name].values())))
            for plan in plans:
                lead = differences(level[plan], level[best], score(), score("estimate"))
                parts.append(not above_zero([-value for value in lead]))
                said.append(f"{fmean(lead):+.2f} dB {PLANS[plan]} on {LABELS[best]} at a={a:g}")
                spread.append(f"± {pstdev(lead):.2f}")
            groups += [level[name] for name in (*plans, best)]
            named.append(f"a={a:g} ({profile})")
            break
    if not parts:
        return Finding()
    over = f"5 images, one seed, the best of {len(RIVALS)} networks trained on our simulated set, which is "
    over += "not the simulation of the test images: "
    return Finding(
        weighed(parts), "; ".join(said), "; ".join(spread), over + ", ".join(named), keys_of(groups)
    )


def _structure(everything: dict[str, Recorded]) -> Finding:
    """C07. Found: the image structure in Noise2SR's error has less power than in the supervised network's.

    By the rule over images 1 and 2, with both plans. Its share of the error is said besides: that grows where
    the rest of the error shrinks.
    """
    for profile, recorded in everything.items():
        names = [n for n in (*PLANS, "supervised") if any(cell(run) == n for run in recorded)]
        middle = {
            run: r
            for run, r in recorded.items()
            if r is not None and cell(run) in names and run.a == LEVELS[0]
        }
        parts = rivals.pictures(middle)
        if "supervised" not in names or any(set(names) - set(parts.get(image, {})) for image in PAIR):
            continue
        rings = {
            name: [transfer.radial(part.x, part.estimate) for part in (parts[image][name] for image in PAIR)]
            for name in names
        }
        power = {name: [1e6 * transfer.structure(r) for r in both] for name, both in rings.items()}
        share = {name: [100 * transfer.structure_share(r) for r in both] for name, both in rings.items()}
        less = {
            plan: [rival - ours for rival, ours in zip(power["supervised"], power[plan], strict=True)]
            for plan in names[:-1]
        }
        said = (
            f"{LABELS[name]} "
            + " and ".join(f"{p:.1f} ({s:.0f} %)" for p, s in zip(power[name], share[name], strict=True))
            for name in names
        )
        return Finding(
            weighed([above_zero(values) for values in less.values()]),
            f"power of the image structure in the error, 1e-6 a pixel (its share): {', '.join(said)}",
            "± " + ", ".join(f"{pstdev(values):.1f}" for values in less.values()) + " over images",
            f"parts of images 1 and 2, one seed, a={LEVELS[0]:g} ({profile})",
            tuple(r["key"] for run, r in middle.items() if run.image in PAIR),
        )
    return Finding()


def domains() -> Domains:
    """Records of `laptop` at the middle level by domain, with a training set and without.

    Of Noise2SR those with equal steps: what it stops after on images of 512² is a third of its plan.
    """
    ours = [cold(image, WARM_PARTS[0]) for image in IMAGES]
    wanted = [*ours, *table1_rivals("laptop"), *table1_sets("laptop")]
    where = {image: name for name, images in DOMAINS.items() for image in images}
    known: Domains = {name: {} for name in DOMAINS}
    for run, record in found(dict.fromkeys(run for run in wanted if run.a == LEVELS[0])).items():
        if record is not None and run.method in (*ON_SET, *NO_SET):
            known[where[run.image]].setdefault(run.method, {})[run.image] = record
    return known


def whole(known: Domains, method: str) -> bool:
    """Whether a method has all images of every domain."""
    return all(len(known[name].get(method, {})) == len(images) for name, images in DOMAINS.items())


def lost(known: Domains, method: str, domain: str) -> tuple[float, float]:
    """What a method loses from the held-out structures to another domain, in dB, and the standard error.

    Images of one domain may be harder than those of another, for every method. So each is measured against
    Noise2SR, which knows no domain: the loss is that of its lead.
    """
    leads = {
        name: differences(known[name][method], known[name][FULL], score())
        for name in (next(iter(DOMAINS)), domain)
    }
    near, far = leads.values()
    return fmean(near) - fmean(far), math.sqrt(sum(stdev(v) ** 2 / len(v) for v in (near, far)))


def _gap(known: Domains) -> Finding:
    """C10. Found: the supervised network loses in both other domains; the rule, errors over images."""
    if not (whole(known, "supervised") and whole(known, FULL)):
        return Finding()
    others = list(DOMAINS)[1:]
    methods = [name for name in (*ON_SET, "fourier_wiener") if whole(known, name)]
    losses = {name: [lost(known, name, domain) for domain in others] for name in methods}
    said = [
        f"on {domain} " + ", ".join(f"{LABELS[name]} {losses[name][i][0]:+.2f} dB" for name in methods)
        for i, domain in enumerate(others)
    ]
    return Finding(
        weighed([value > K * error for value, error in losses["supervised"]]),
        "lost against Noise2SR since held-out structures: " + "; ".join(said),
        "± "
        + ", ".join(f"{error:.2f}" for _, error in losses["supervised"])
        + " (standard error, supervised)",
        ", ".join(f"{len(images)} images of {name}" for name, images in DOMAINS.items())
        + f"; one seed, a={LEVELS[0]:g} (laptop)",
        keys_of(known[domain][name] for domain in DOMAINS for name in (*methods, FULL)),
    )


def findings() -> dict[str, Finding | None]:
    """C05, C07 and C10; None for what needs the paper's images where they cannot be had."""
    everything = {
        profile: found([*rivals.runs(profile), *rivals.set_runs(profile)]) for profile in BEST_FIRST
    }
    measured: dict[str, Finding | None] = {"C05": _comparable(everything), "C10": _gap(domains())}
    try:
        return measured | {"C07": _structure(everything)}
    except InputError:
        return measured | {"C07": None}
