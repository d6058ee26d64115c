"""The study as a form in a notebook: JupyterLab and Colab, ipywidgets 7.7 and 8."""

import base64
import io
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

from PIL import Image

from gentut.files import write_atomically
from gentut.human.session import LONGEST_NAME, SESSIONS, response, session_steps
from gentut.human.texts import counted

try:
    import ipywidgets as widgets
except ImportError as error:
    raise ImportError(
        "`form` needs ipywidgets, which is not installed: pip install ipywidgets."
    ) from error

FIXATION_MS = 500
SIDE = 252  # CSS pixels of an image's longer side; less where pixels are enlarged by whole numbers


class Form(widgets.VBox):
    """Ask one rater the questions of a study; display it as the last line of a cell.

    The browser times the exposure (a CSS animation), so a slow kernel does not lengthen it; nobody
    measures how long the image really stayed, and ``shown_ms`` is None. Answer times are taken in
    the kernel and contain the way from and to the browser.

    Args:
        public: what ``Study.public`` returns; like the page, the form never holds the answers.
        folder: where the rater's file is written at the end; None for nowhere.
        session: fixes the order and the sides; None for a random one.

    Raises:
        FileNotFoundError: the folder is missing.
        ValueError: a session out of range.
    """

    def __init__(
        self, public: Mapping, folder: str | os.PathLike | None = None, session: int | None = None
    ) -> None:
        if folder is not None and not Path(folder).is_dir():
            raise FileNotFoundError(f"`folder` must exist; received {str(folder)!r}.")
        self.response: dict | None = None  # as `analyse` takes it, once the rater is done
        self._public, self._folder, self._words = public, folder, public["words"]
        words = self._words
        self._session = secrets.randbelow(SESSIONS - 1) + 1 if session is None else session
        self._steps = session_steps(public["practice"], public["blocks"], self._session)
        self._counted = sum(map(len, public["blocks"]))
        self._place, self._answers, self._onset = 0, [], 0.0

        self._name = widgets.Text(placeholder=f"{words['name']} {words['optional']}")
        self._start = _button(words["start"], self._ask, "primary")
        self._go = _button(words["go_on"], self._ask, "primary")
        self._counter, self._bar = widgets.HTML(), widgets.IntProgress()
        self._picture = widgets.HTML()
        self._choices = [
            _button(text, lambda _, choice=choice: self._answer(choice), "info")
            for choice, text in enumerate(public["buttons"])
        ]
        self._stop = _button(words["stop"], self._finish, "")
        hint = widgets.HTML(f"<small>{escape(words['form_keys'])}</small>")
        self._asking = (
            widgets.HBox([self._counter, self._bar, self._stop]),
            widgets.HTML(f"<b>{escape(public['question'])}</b>"),
            self._picture,
            widgets.HBox(self._choices),
            hint,
        )
        texts = [public["instructions"], public["exposure_text"]]
        practice = len(public["practice"])
        amount = words["amount_after_practice" if practice else "amount"]
        texts.append(amount.format(questions=self._questions(), n=practice))
        intro = f"<h3>{escape(public['title'])}</h3>"
        intro += "".join(f"<p>{escape(text)}</p>" for text in texts if text)
        super().__init__([widgets.HTML(intro), self._name, self._start])

    def _questions(self) -> str:
        return counted(self._words, "question", self._counted)

    def _ask(self, _=None) -> None:
        step = self._steps[self._place]
        practice = len(self._public["practice"])
        practising = step.trial is None
        done = self._place if practising else self._place - practice
        total = practice if practising else self._counted
        counter = self._words["practice_counter" if practising else "counter"]
        self._counter.value = counter.format(done=done + 1, total=total)
        self._bar.max, self._bar.value = total, done
        self._stop.disabled = practising
        self._picture.value = pictures_html(self._public, step.images)
        self.children = self._asking
        self._onset = time.perf_counter()
        if self._public["exposure_ms"] is not None:
            self._onset += FIXATION_MS / 1000

    def _answer(self, choice: int) -> None:
        if self.response is not None:
            return
        step = self._steps[self._place]
        if step.trial is not None:
            single = len(step.images) == 1
            ms = round(1000 * (time.perf_counter() - self._onset))
            self._answers.append(
                {
                    "trial": step.trial,
                    "answer": ("real", "fake")[choice] if single else step.images[choice],
                    "ms": max(0, ms),
                    "shown_ms": None,
                }
            )
        self._place += 1
        if self._place == len(self._steps):
            self._finish()
        elif self._place == len(self._public["practice"]):
            text = self._words["pause"].format(questions=self._questions())
            heading = f"<h3>{self._words['practised']}</h3>"
            self.children = [widgets.HTML(f"{heading}<p>{text}</p>"), self._go]
        else:
            self._ask()

    def _finish(self, _=None) -> None:
        name = self._name.value.strip()[:LONGEST_NAME] or f"rater-{self._session:08x}"
        if not self._answers:
            self.children = [widgets.HTML(f"<p>{self._words['form_stopped']}</p>")]
            return
        study = self._public["study"]
        self.response = response(study, name, self._session, "form", self._answers)
        values = {
            "answers": counted(self._words, "answer", len(self._answers)),
            "place": "<code>form.response</code>",
        }
        text = self._words["form_end"]
        if self._folder is not None:
            short = re.sub(r"[^\w-]+", "-", name)[:40]
            file = Path(self._folder, f"answers-{study}-{short}-{self._session:x}.json")
            write_atomically(file, json.dumps(self.response) + "\n")
            text = self._words["form_file"]
            values["file"] = f"<code>{escape(file.name)}</code>"
        self.children = [widgets.HTML(f"<p>{text.format(**values)}</p>")]


def pictures_html(public: Mapping, images: tuple[str, ...]) -> str:
    """Return the images side by side; if timed, first a cross, then they, then the mask."""
    with Image.open(io.BytesIO(base64.b64decode(public["pictures"][images[0]]))) as picture:
        width, height = picture.size
    scale = SIDE / max(width, height)
    scale = int(scale) if scale > 1 else scale
    size = f"width:{round(width * scale)}px;height:{round(height * scale)}px"
    sharp = "image-rendering:pixelated;" if scale > 1 else ""
    place = f"position:absolute;inset:0;{size};max-width:none;margin:0"
    timed = public["exposure_ms"] is not None
    style = ""
    if timed:
        style = "<style>@keyframes gentut-appear{to{visibility:visible}}</style>"

    def layer(content: str, css: str, after_ms: int) -> str:
        if timed and after_ms:
            css += f";visibility:hidden;animation:gentut-appear 0s {after_ms}ms forwards"
        return content.replace("STYLE", css)

    def stack(image: str) -> str:
        shown = _image(public["pictures"][image], public["words"]["image"])
        layers = [layer(shown, sharp + place, FIXATION_MS)]
        if timed:
            cross = f"{place};display:grid;place-items:center;font-size:3rem"
            layers = [layer('<div style="STYLE">+</div>', cross, 0), *layers]
            mask = _image(public["mask"], "")
            layers.append(layer(mask, sharp + place, FIXATION_MS + public["exposure_ms"]))
        return f'<div style="position:relative;{size}">{"".join(layers)}</div>'

    return (
        f'{style}<div style="display:flex;gap:32px;margin:8px 0">'
        + "".join(map(stack, images))
        + "</div>"
    )


def _image(data: str, alt: str) -> str:
    return f'<img style="STYLE" alt="{alt}" src="data:image/png;base64,{data}">'


def _button(text: str, action: Callable, style: str) -> widgets.Button:
    button = widgets.Button(description=text, button_style=style)
    button.on_click(action)
    return button
