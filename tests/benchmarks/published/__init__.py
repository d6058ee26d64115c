"""Five published MNIST recipes, written anew from the facts on their pages.

Layers, optimizers, batch sizes and losses are those that the pages state (read in August 2026).
The code is ours, and where one rule for all is fairer than the letter of a page it is the rule
that counts, each time in the recipe's favour or neutral:

- All train on the 60,000 MNIST training images.  Two pages (keras.io's VAE and conditional GAN)
  add the 10,000 test images, against which we judge; one (WGAN-GP) trains on Fashion-MNIST.
- Batches are slices of a shuffled array in memory; the last, incomplete one is left out.
- Steps are `tf.function`s without XLA, which is slow on a CPU (Keras' `fit` turns it on).
- Cross-entropies are computed from logits, also where a page puts a sigmoid first.
- Rates are constant, as published, so that one run serves several budgets.

TensorFlow only, as the originals.  Images come and go in [0, 1], ``(n, h, w, c)``.
"""

from published.gans import DCGAN, WGANGP, ConditionalGAN
from published.vaes import CVAE, KerasVAE

RECIPES = {
    "tf-dcgan": DCGAN,
    "tf-cvae": CVAE,
    "keras-vae": KerasVAE,
    "keras-wgan-gp": WGANGP,
    "keras-cgan": ConditionalGAN,
}
