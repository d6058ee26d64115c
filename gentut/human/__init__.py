"""What people say about images: real or fake?

    study = gentut.human.make_study(real, {"GAN": samples}, trials=60, seed=0)
    study.save_page("study.html")   # for raters: one file, no internet, no answers in it
    study.save_key("key.json")      # for the teacher
    study.form()                    # the same questions in a notebook
    results = gentut.human.analyse("responses/", "key.json")

``power`` and ``needed_raters`` say beforehand how many people it takes. ``simulate`` makes answers
that are marked as simulated, to try all of this out.
"""

from gentut.human.analysis import analyse
from gentut.human.design import make_study
from gentut.human.figures import plot_errors, plot_images, summary
from gentut.human.power import needed_raters, power, simulate
from gentut.human.statistics import d_prime_choice, d_prime_yes_no, fleiss_kappa, wilson
from gentut.human.study import Rules, Study, load_key

__all__ = [
    "Rules",
    "Study",
    "analyse",
    "d_prime_choice",
    "d_prime_yes_no",
    "fleiss_kappa",
    "load_key",
    "make_study",
    "needed_raters",
    "plot_errors",
    "plot_images",
    "power",
    "simulate",
    "summary",
    "wilson",
]
