// The page begins; and what all experiments share at its end.

function showModels() {
  at("models").tBodies[0].replaceChildren(
    ...page.models.map(({ name, title, weights, bytes, error }) =>
      make("tr", {},
        make("td", {}, title, make("code", { textContent: name })),
        make("td", { textContent: weights.toLocaleString("en") }),
        make("td", { textContent: `${Math.round(bytes / 1000).toLocaleString("en")} kB` }),
        make("td", { textContent: (255 * error).toFixed(1) }))),
  );
  at("models-note").textContent = page.note;
}

// In this order; the larger models are unpacked once the page is there. Until it has started, an
// experiment is inert in the page: a press would find nobody to answer it.
const EXPERIMENTS = { game: startGame, latent: startLatent, noise: startNoise, caption: startCaption };

const started = (async () => {
  if (typeof DecompressionStream === "undefined") {
    document.body.prepend(make("p", { className: "notice", textContent: "{{old_browser}}" }));
    return false;
  }
  showModels();
  for (const [id, start] of Object.entries(EXPERIMENTS)) {
    await start();
    at(id).inert = false;
  }
  return true;
})();
