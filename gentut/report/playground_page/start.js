// The page begins; and what all experiments share at its end.

function showModels() {
  at("models").tBodies[0].replaceChildren(
    ...page.models.map(({ name, weights, bytes, error }) =>
      make("tr", {},
        make("td", { textContent: name }),
        make("td", { textContent: weights.toLocaleString("en") }),
        make("td", { textContent: `${Math.round(bytes / 1000)} kB` }),
        make("td", { textContent: `{{of_255}}` }))),
  );
  at("models-note").textContent = page.note;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  game.colours = null;
  drawGame();
  drawLatent();
});

// The small things first: the models of experiments 3 and 4 are unpacked once the page is there.
const started = (async () => {
  if (typeof DecompressionStream === "undefined") {
    document.body.prepend(make("p", { className: "notice", textContent: "{{old_browser}}" }));
    return false;
  }
  showModels();
  startGame();
  await startLatent();
  if (page.noise) await startNoise();
  else at("noise").hidden = true;
  if (page.caption) await startCaption();
  else at("caption").hidden = true;
  return true;
})();
