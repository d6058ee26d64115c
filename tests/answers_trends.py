"""Answers to the exercises of notebook 08, for ``test_exercises.py``."""

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score


def even(train, draw, train_2, draw_2):
    return 1000 * (train_2 - train) / (draw - draw_2)


def even_by_search(train, draw, train_2, draw_2):
    low, high = 0, 10**9
    while high - low > 1:
        n = (low + high) // 2
        first_is_cheaper = train + draw * n / 1000 < train_2 + draw_2 * n / 1000
        low, high = (n, high) if first_is_cheaper else (low, n)
    return high


def softplus(x):
    return np.logaddexp(0, x)


def losses(real, generated, shown, score):
    loss_d = softplus(-score(real)).mean() + softplus(score(generated)).mean()
    return loss_d, softplus(-score(shown)).mean()


def treated(real, generated, score, augment):
    return losses(augment(real), augment(generated), augment(generated), score)


def treated_together(real, generated, score, augment):
    seen = score(augment(np.concatenate([real, generated])))
    log_real = -np.log1p(np.exp(-seen))
    half = len(real)
    loss_d = np.mean(seen[half:] - log_real[half:]) - np.mean(log_real[:half])
    return [loss_d, -np.mean(log_real[half:])]


def auc(real, generated):
    """By counting pairs."""
    return np.mean(np.asarray(generated)[:, None] > real)


def auc_of_sklearn(real, generated):
    labels = [0] * len(real) + [1] * len(generated)
    return roc_auc_score(labels, np.concatenate([real, generated]))


def unseen(fit, real_train, real_test, made_train, made_test):
    found = []
    for i in range(len(made_train)):
        detect = fit(real_train, np.concatenate(np.delete(made_train, i, axis=0)))
        found.append(auc(detect(real_test), detect(made_test[i])))
    return found


def unseen_by_name(fit, real_train, real_test, made_train, made_test):
    found = {}
    for name in reversed(range(len(made_train))):
        teachers = [x for other, x in enumerate(made_train) if other != name]
        detect = fit(real_train, np.vstack(teachers[::-1]))
        found[name] = auc_of_sklearn(detect(real_test), detect(made_test[name]))
    return np.array([found[name] for name in sorted(found)])


def all_teach(fit, real_train, real_test, made_train, made_test):
    detect = fit(real_train, np.concatenate(made_train))
    return [auc(detect(real_test), detect(x)) for x in made_test]


def own_teacher(fit, real_train, real_test, made_train, made_test):
    detectors = [fit(real_train, x) for x in made_train]
    return [auc(d(real_test), d(x)) for d, x in zip(detectors, made_test, strict=True)]


def one_teacher(fit, real_train, real_test, made_train, made_test):
    detectors = [fit(real_train, x) for x in made_train]
    found = np.array([[auc(d(real_test), d(x)) for x in made_test] for d in detectors])
    return [np.delete(found[:, i], i).mean() for i in range(len(made_test))]


def fpr_allowed(tpr, share, right):
    return tpr * share * (1 - right) / (right * (1 - share))


def fpr_by_counting(tpr, share, right, images=1_000_000):
    found = tpr * share * images
    return (found / right - found) / (images - share * images)


def pattern_of(message, key):
    return 2 * (np.resize(message, len(key)) ^ key) - 1


def false_alarm(signs, message, key):
    agree = (signs == pattern_of(message, key)).sum(axis=1)
    return binom.sf(agree - 1, len(key), 0.5)


def false_alarm_by_losses(signs, message, key):
    wrong = np.sum(signs != pattern_of(message, key), axis=1)
    return [binom.cdf(each, len(key), 0.5) for each in wrong]


def alarm(looks, z):
    return norm.isf(norm.sf(z) / looks)


def alarm_exact(looks, z):
    return norm.ppf(norm.cdf(z) ** (1 / looks))


def forged(noise, message, key):
    return np.abs(noise) * pattern_of(message, key)


def forged_by_turning(noise, message, key):
    turn = np.sign(noise) != pattern_of(message, key)
    return np.where(turn, -noise, noise)


def nearest(x, to):
    return cdist(x, to).min(axis=1)


def ratio(drawn, baseline, q):
    return (drawn < np.quantile(baseline, q)).mean() / q


def extraction(known, heldout, made, q):
    return ratio(nearest(made, known), nearest(heldout, known), q)


def extraction_by_sorting(known, heldout, made, q):
    baseline = sorted(min(np.linalg.norm(known - x, axis=1)) for x in heldout)
    threshold = baseline[int(q * len(baseline))]
    near = [min(np.linalg.norm(known - x, axis=1)) < threshold for x in made]
    return sum(near) / len(near) / q


def chain(real, fit, draw, generations):
    fed, spread = real, []
    for _ in range(generations):
        fed = draw(fit(fed), len(real))
        spread.append(fed.std())
    return spread


def chain_in_batches(real, fit, draw, generations):
    fed, spread = real.copy(), np.zeros(generations)
    for g in range(generations):
        model = fit(fed)
        parts = [draw(model, 64) for _ in range(-(-len(fed) // 64))]
        fed[:] = np.concatenate(parts)[: len(fed)]
        spread[g] = np.sqrt(np.mean((fed - fed.mean()) ** 2))
    return spread


def chain_with(feed, entry=lambda fed, x: np.std(x), fitted=lambda fed, real: fed):
    """A chain with another way to feed it, or other entries."""

    def run(real, fit, draw, generations):
        fed, spread = real.copy(), []
        for _ in range(generations):
            x = draw(fit(fitted(fed, real)), len(real))
            spread.append(entry(fed, x))
            fed = feed(fed, x, real)
        return spread

    return run


def chain_of_colleague(real, fit, draw, generations):
    fed, spread = real.copy(), []
    for _ in range(generations):
        model = fit(fed)
        parts = [draw(model, 64) for _ in range(len(fed) // 64)]
        fed[: 64 * len(parts)] = np.concatenate(parts)
        spread.append(fed.std())
    return spread


def only_full_batches(real, fit, draw, generations):
    fed, spread = real, []
    for _ in range(generations):
        model = fit(fed)
        fed = np.concatenate([draw(model, 64) for _ in range(len(fed) // 64)])
        spread.append(fed.std())
    return spread


def one_fit(real, fit, draw, generations):
    model = fit(real)
    return [draw(model, len(real)).std() for _ in range(generations)]


def starts_from_noise(real, fit, draw, generations):
    return chain(0 * real, fit, draw, generations)


def watt_hours(train, draw, pictures, watts):
    return watts * (train / pictures + draw / 1000) / 3600


def watt_hours_by_hours(train, draw, pictures, watts):
    hours = (train + draw * (pictures / 1000)) / 60 / 60
    return watts * hours / pictures


NEEDS = {
    "ten covers for a magazine, each must look real": "e",
    "images for a classifier that must know rare typefaces": "d",
    "flag the X-ray that fits the archive least": "b",
    "a game draws a new tile in every frame": "a",
    "a slider from one photograph of yours to another": "c",
    "nobody's drawing may be drawn again": "f",
}
PROOFS = {
    "nobody changed the pixels since a certain key signed them": "c",
    "what the picture shows has happened": "f",
    "a certain secret key was used, and a screenshot may still show it": "b",
    "whoever names the author may pass copies on": "d",
    "it has traces like those of generators that were at hand": "a",
    "the author agrees that models learn from it": "e",
}

RIGHT = {
    "08.1": [even, even_by_search],
    "08.2": [treated, treated_together],
    "08.3": ["ae", "E, a"],
    "08.4": [NEEDS, {key: f"{letter})" for key, letter in NEEDS.items()}],
    "08.6": [unseen, unseen_by_name],
    "08.7": [fpr_allowed, fpr_by_counting],
    "08.8": [false_alarm, false_alarm_by_losses],
    "08.11": [alarm, alarm_exact],
    "08.12": [forged, forged_by_turning],
    "08.13": [extraction, extraction_by_sorting],
    "08.15": [chain, chain_in_batches],
    "08.16": [PROOFS, {key: [letter] for key, letter in PROOFS.items()}],
    "08.17": [watt_hours, watt_hours_by_hours],
}

WRONG = {
    "08.1": [
        (lambda t, d, t2, d2: (t2 - t) / (d - d2), "for 1,000 pictures"),
        (lambda t, d, t2, d2: 1000 * (t - t2) / (d - d2), "Negative"),
        (lambda t, d, t2, d2: 1000 * t2 / (d - d2), "earned back"),
        (lambda t, d, t2, d2: 1000 * (t2 - t) / d, "cost something, too"),
        (lambda t, d, t2, d2: (d - d2) / (t2 - t) / 1000, "Upside down"),
        (lambda t, d, t2, d2: 1000 * t2 / t, "Write the seconds"),
    ],
    "08.2": [
        (lambda x, g, score, treat: losses(treat(x), g, g, score), "Still the leak"),
        (lambda x, g, score, treat: losses(treat(x), treat(g), g, score), "never shown"),
        (lambda x, g, score, treat: losses(treat(x), g, treat(g), score), "In its own step"),
        (lambda x, g, score, treat: losses(x, treat(g), treat(g), score), "other way"),
        (lambda x, g, score, treat: losses(x, g, g, score), "by heart"),
        (lambda *given: treated(*given)[::-1], "exchanged"),
        (lambda *given: sum(treated(*given)), "2 values"),
        (lambda *given: np.multiply(treated(*given), 2), "stay the colleague's"),
    ],
    "08.3": [
        ("a", "in brackets"),
        ("e", "the plainer one"),
        ("ab", "“Never”"),
        ("abe", "Two are right. “Never”"),
        ("ac", "sees no copies"),
        ("ace", "Two are right. A distance"),
        ("ad", "shipped weights"),
        ("ade", "Two are right. Who paid"),
        ("abcde", "one by one"),
    ],
    "08.4": [
        (NEEDS | {"flag the X-ray that fits the archive least": "e"}, "5 of 6 are right. “flag"),
        (NEEDS | {"a slider from one photograph of yours to another": "d"}, "through what?"),
        (NEEDS | {"nobody's drawing may be drawn again": "d"}, "forbid copies"),
        (dict.fromkeys(NEEDS, "e"), "1 of 6"),
    ],
    "08.6": [
        (all_teach, "Still every generator"),
        (own_teacher, "the diagonal"),
        (lambda fit, x, test, made, y: unseen(fit, x, x, made, y), "no detector has learned"),
        (lambda *given: 1 - np.array(unseen(*given)), "exchanged"),
        (lambda *given: np.mean(unseen(*given)), "the hard one"),
        (one_teacher, "one teacher each"),
        (lambda fit, x, test, made, y: unseen(fit, x, test, made, made), "One detector for each"),
    ],
    "08.7": [
        (lambda tpr, share, right: tpr * (1 / right - 1), "one half is generated"),
        (lambda tpr, share, right: tpr * share * (1 / right - 1), "*real* images, a share"),
        (lambda tpr, p, right: tpr * p * right / (1 - right) / (1 - p), "Upside down"),
        (lambda tpr, share, right: 1 - right, "among the *accused*"),
        (lambda tpr, p, right: tpr * p * (1 - right) / (1 - p), "not 1 − right"),
        (lambda *given: 100 * fpr_allowed(*given), "per cent"),
        (lambda tpr, share, right: fpr_allowed(1, share, right), "Not all"),
        (lambda tpr, share, right: share, "into formula 4"),
    ],
    "08.8": [
        (
            lambda s, m, k: binom.sf((s == pattern_of(m, 0 * k)).sum(axis=1), len(k), 0.5),
            "Still the colleague",
        ),
        (lambda s, m, k: false_alarm(s, m, 0 * k), "are no secret"),
        (
            lambda s, m, k: binom.sf((s == pattern_of(m, k)).sum(axis=1), len(k), 0.5),
            "*more than* a",
        ),
        (lambda s, m, k: false_alarm(s, 0 * m, k), "key alone"),
        (
            lambda s, m, k: binom.cdf((s == pattern_of(m, k)).sum(axis=1), len(k), 0.5),
            "other tail",
        ),
        (
            lambda s, m, k: binom.sf((s == np.resize(m, 784) ^ k).sum(axis=1) - 1, 784, 0.5),
            "agrees with none",
        ),
        (lambda s, m, k: norm.sf(s @ pattern_of(m, k) / len(k) ** 0.5), "a little off"),
        (lambda s, m, k: 2 * norm.sf(abs(s @ pattern_of(m, k)) / len(k) ** 0.5), "Two tails"),
        (lambda s, m, k: s @ pattern_of(m, k) / len(k) ** 0.5, "With no sign"),
    ],
    "08.11": [
        (lambda looks, z: z, "has not moved"),
        (lambda looks, z: z / looks, "Dividing z"),
        (lambda looks, z: z * looks, "not z that"),
        (lambda looks, z: z * looks**0.5, "√looks"),
        (lambda looks, z: norm.isf(norm.sf(z) * looks), "*smaller*"),
        (lambda looks, z: norm.sf(z) / looks, "each look may have"),
        (lambda looks, z: norm.isf(norm.sf(z) / looks / 2), "One tail"),
        (lambda looks, z: z + 1, "share it out"),
    ],
    "08.12": [
        (lambda noise, m, k: noise * pattern_of(m, k), "its own signs"),
        (lambda noise, m, k: np.zeros_like(noise) + pattern_of(m, k), "Only signs"),
        (lambda noise, m, k: forged(noise, m, 0 * k), "message alone"),
        (lambda noise, m, k: forged(noise, 0 * m, k), "key alone"),
        (lambda noise, m, k: -forged(noise, m, k), "turned round"),
        (lambda noise, m, k: abs(noise) * (np.resize(m, len(k)) ^ k), "has become"),
        (lambda noise, m, k: noise, "Formula 5"),
    ],
    "08.13": [
        (lambda k, h, x, q: ratio(nearest(x, k), nearest(k, k), q), "nearest training image?"),
        (
            lambda k, h, x, q: ratio(nearest(x, k), np.sort(cdist(k, k), axis=1)[:, 1], q),
            "Without itself",
        ),
        (lambda k, h, x, q: ratio(nearest(x, k), nearest(x, k), q), "drawn images themselves"),
        (lambda k, h, x, q: q * extraction(k, h, x, q), "That is the share"),
        (lambda k, h, x, q: ratio(nearest(x, k), nearest(h, x), q), "like the drawn"),
        (
            lambda k, h, x, q: np.mean(nearest(x, k) < np.quantile(nearest(h, k), 1 - q)) / q,
            "wrong end",
        ),
        (lambda k, h, x, q: ratio(nearest(k, x), nearest(h, k), q), "another question"),
        (lambda k, h, x, q: ratio(cdist(x, k).mean(1), cdist(h, k).mean(1), q), "not the mean"),
        (lambda k, h, x, q: 7.0, "about 1 must come out"),
    ],
    "08.15": [
        (chain_of_colleague, "Where in the array"),
        (one_fit, "a fit of its own"),
        (starts_from_noise, "all of them"),
        (chain_with(lambda fed, x, real: real), "nothing is fed back"),
        (chain_with(lambda fed, x, real: np.concatenate([fed, x])), "accumulates"),
        (
            chain_with(lambda fed, x, real: np.where(np.arange(len(x)) % 2, x, real)),
            "the chain that replaces has none",
        ),
        (chain_with(lambda fed, x, real: x * 1.5), "were not drawn by"),
        (chain_with(lambda fed, x, real: np.resize(x[:64], len(x))), "repeated"),
        (only_full_batches, "a second cause"),
        (lambda real, fit, draw, n: chain(real, fit, draw, n - 1), "it returned an array"),
        (chain_with(lambda fed, x, real: x, lambda fed, x: fed.std()), "One early"),
        (chain_with(lambda fed, x, real: x, lambda fed, x: x.var()), "variances"),
        (chain_with(lambda fed, x, real: x, lambda fed, x: np.ptp(x)), "The chain is right"),
    ],
    "08.16": [
        (
            PROOFS | {"what the picture shows has happened": "c"},
            "5 of 6 are right. “what the picture",
        ),
        (PROOFS | {"the author agrees that models learn from it": "d"}, "older than"),
        (PROOFS | {"it has traces like those of generators that were at hand": "b"}, "by examples"),
        (dict.fromkeys(PROOFS, "f"), "1 of 6"),
    ],
    "08.17": [
        (lambda t, d, n, w: w * (t + n * d) / 60 / n, "Still the colleague"),
        (lambda t, d, n, w: w * (t + n * d) / 3600 / n, "for 1,000 pictures"),
        (lambda *given: 60 * watt_hours(*given), "than 60"),
        (lambda *given: 3600 * watt_hours(*given), "Joules"),
        (lambda *given: 3600**2 * watt_hours(*given), "Multiplied"),
        (lambda *given: watt_hours(*given) / 1000, "kilowatt-hours"),
        (lambda t, d, n, w: n * watt_hours(t, d, n, w), "all pictures"),
        (lambda t, d, n, w: w * (t + d / 1000) / 3600, "whole training"),
        (lambda t, d, n, w: w * d / 1000 / 3600, "training is missing"),
        (lambda *given: 1.0, "0.01 Wh"),
    ],
}
