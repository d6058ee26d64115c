"""What the playground says in English; see `gentut.report.playground_texts`."""

from typing import Any

WORDS: dict[str, Any] = {
    "no_script": "This page computes everything itself, with JavaScript. Please allow it"
    " here; the page loads nothing from anywhere.",
    "title": "Play with image generation",
    "lead": "Four small experiments with programs that draw. They run in this page: nothing"
    " is installed, nothing is sent. You cannot break anything.",
    "experiments": "Experiments",
    "latent_link": "1 Between pictures",
    "game_link": "2 Two players",
    "noise_link": "3 From noise",
    "caption_link": "4 From words",
    "experiment": "Experiment",
    "latent_title": "What lies between two pictures?",
    "latent_intro": "A <dfn>generator</dfn> is a network that turns a short list of numbers"
    " into a picture. The list is called the <dfn>latent</dfn>. Think of it as a place on a"
    " map: each place has its picture, and near places have similar ones. All places together"
    " are the <dfn>latent space</dfn>.",
    "try": "Try this.",
    "latent_try": "Drag the dot over the map, slowly. Then press another letter, and drag the"
    " slider “Way” back and forth: these are the pictures in between, which nobody has drawn.",
    "model": "Model",
    "latent_here": "The picture at this place",
    "latent_here_now": "The picture at this place.",
    "map": "map",
    "map_first": "Map of pictures. Move the dot with the arrow keys.",
    "map_help": "The map: number 1 goes from left to right, number 2 from bottom to top. Drag"
    " the dot, or use the arrow keys.",
    "go_to": "Go to",
    "surprise": "Surprise me",
    "way": "Way",
    "at_goal": "at the goal",
    "strip": "Nine pictures on the way from the last place to the new one",
    "strip_note": "The way from the last place (left) to the new one (right). The dot is where"
    " you are.",
    "numbers": "The numbers themselves",
    "see": "What to see",
    "latent_see": "The letters change smoothly: a bold letter becomes thin, a wide one"
    " narrow. Between an A and a D lie shapes that are neither.",
    "latent_grid": "The emoji model with a grid behaves otherwise. Its latent is itself a"
    " small picture with 8 × 8 places, so halfway you see two pictures laid over each other."
    " Such a grid keeps details well, but most of its places are no pictures. Experiment 4"
    " adds a second network, which knows the good places.",
    "game_title": "Why do two players need a fair game?",
    "game_intro": "A <dfn>GAN</dfn> (generative adversarial network) is a game. The"
    " <dfn>generator</dfn> makes points; the <dfn>discriminator</dfn> tells made points from"
    " real ones. Each learns from the other. Here a picture is just a point in the plane, so"
    " that you can see both players think.",
    "game_try": "Give the generator ten moves in a row and press Start. All made points stay"
    " in one heap, which runs from cloud to cloud. This is called <dfn>mode collapse</dfn>."
    " Then make the game fair, and wait: the points spread over the clouds.",
    "game_real": "Real points",
    "game_moves": "Moves of the generator, for one of the discriminator",
    "game_start": "Start",
    "game_again": "From the beginning",
    "game_plane": "The plane",
    "game_plane_note": '<span class="key cross">+</span> real points, <span class="key'
    ' dot">●</span> made points. The ground shows the discriminator: <span class="key'
    ' real">blue</span> where it believes “real”, <span class="key fake">orange</span> where'
    " it believes “made”, without colour where it cannot tell.",
    "game_not_started": "Not started.",
    "game_clouds": "Clouds reached, over the rounds",
    "game_clouds_note": "Number of clouds that hold made points (at least 2 % of them), over"
    " the rounds.",
    "game_losses": "Losses of both players, over the rounds",
    "game_losses_note": 'Losses, in nats; low is good for its player. <span class="key'
    ' real">━</span> discriminator, <span class="key fake">┅</span> generator. Thin lines:'
    " the values where the discriminator can only guess, 2·log 2 = 1.39 and log 2 = 0.69.",
    "game_see": "The generator never sees a real point. All it learns comes from the"
    " discriminator's gradient: “over there it looks more real”. While the discriminator stands"
    " still, the best answer is always the same single place, and ten moves are enough for"
    " all points to go there. Then the discriminator marks that place as made, and the heap"
    " runs on. In a fair game it answers at once, and no place stays the best.",
    "game_see_losses": "The losses do not tell you so: a collapsed game can have fine losses."
    " Count the clouds.",
    "noise_title": "When does noise become a letter?",
    "noise_intro": "A <dfn>flow</dfn> starts with noise, a random grey for each dot, and"
    " changes it in small steps. In each step a network says in which direction to go. Time"
    " runs from 0 (noise) to 1 (picture). Diffusion models, which make the pictures you see"
    " on the web, work in the same way.",
    "noise_try": "Press Play. Then go back with the slider: from which time on can you tell the"
    " letter? Then choose one step only. What goes wrong?",
    "letter": "Letter",
    "steps": "Steps",
    "play": "Play",
    "new_noise": "New noise",
    "noise_now": "The picture at this time",
    "noise_now_note": 'The picture at time <span id="noise-time">0.00</span>.',
    "noise_guess": "What the network expects at the end",
    "noise_guess_note": "What the network expects at the end, if it went straight on from here.",
    "time": "Time",
    "noise_see": "The right picture is a forecast. At time 0 it is a blur: the mean of all"
    " letters of that kind, for nothing is decided yet. As time goes on it becomes sharp."
    " With one step the flow ends in that first blur; with more steps it corrects its course"
    " on the way.",
    "caption_title": "Does a picture follow the words?",
    "caption_intro": "The same idea, with words. A network reads your words and moves noise"
    " to a latent; the emoji model of experiment 1 turns that latent into a picture. Both are"
    " small and saw only a few thousand emoji. They know hearts and faces well, and many"
    " other things badly.",
    "caption_try": "Draw “red heart”, then “blue heart” with the same noise. Then set the"
    " weight of the words to 1 and draw again: does it still follow?",
    "caption_ask": "What shall it draw? English or Chinese.",
    "caption_first": "red heart",
    "draw": "Draw",
    "examples": "Examples",
    "weight": "Weight of the words",
    "caption_not_drawn": "Nothing drawn yet.",
    "caption_picture": "Nothing drawn yet",
    "caption_yours": "Your picture.",
    "caption_before_note": "Drawn so far, the newest first:",
    "caption_before": "Drawn so far",
    "caption_see": "The weight is called <dfn>guidance</dfn>. The network is asked twice in"
    " each step, with your words and without; the weight says how far to go in the direction"
    " of the difference. At 1 the words are one hint among many. High weights follow the"
    " words more closely, and the pictures vary less.",
    "caption_see_unknown": "Words that the network has never seen are left out; the line"
    " above the picture tells you which.",
    "models": "The models in this page",
    "models_name": "model",
    "models_weights": "weights",
    "models_size": "size here",
    "models_error": "rounding moves a pixel by (of 255)",
    "made_with": "Made with <code>gentut playground</code>. The course shows how to build and"
    " train all of this.",
    "between": "between ${listed(kinds)}",
    "latent_kind": 'The picture at this place${kind ? ": " + kind : ""}',
    "stop": ".",
    "percent": "${percent} percent of the way",
    "map_now": "Map of pictures. Number 1 is ${x.toFixed(1)}, number 2 is ${y.toFixed(1)}."
    " Move the dot with the arrow keys.",
    "of_numbers": "numbers",
    "of_directions": "main directions",
    "latent_numbers": "A place has ${latent.space.dim} numbers. These are the ${count}"
    " ${kind} that change the picture most.",
    "number": "Number ${k + 1}",
    "game_round": "Round ${round}: ${reached} of ${game.gan.centres.length} clouds reached.",
    "game_pause": "Pause",
    "game_plane_now": "The plane: made points in ${reached} of ${all} clouds of real points",
    "game_last": "round ${last}",
    "game_reached": "reached",
    "discriminator": "discriminator",
    "generator": "generator",
    "comma": ", ",
    "game_at": " at round ${final.round}",
    "game_fair": "1: a fair game",
    "game_ten": "10 in a row",
    "game_ring": "8 clouds in a ring",
    "game_grid": "9 clouds in a grid",
    "noise_time": "time ${text}",
    "noise_way": "The picture at time ${text}, on the way from noise to ${letter}",
    "noise_expects": "What the network expects at time ${text}",
    "noise_done": 'Noise became ${letter} in ${steps} step${steps === 1 ? "" : "s"}.',
    "caption_none": 'I know none of these words: ${unknown.join(", ")}.',
    "caption_empty": "Please write a word first.",
    "caption_left": ' I do not know, and left out: ${unknown.join(", ")}.',
    "caption_drawing": "Drawing “${text}”…${left}",
    "caption_drawn": "Drawn for “${text}”, weight ${weight}",
    "caption_now": "“${text}”, weight ${weight}.",
    "caption_done": "Done: “${text}”.${left}",
    "caption_kept": "${text}, weight ${weight}",
    "old_browser": "This page needs a browser of 2023 or later.",
    "spaces": {
        "vae-glyphs": "Letters, VAE",
        "gan-glyphs": "Letters, GAN",
        "vae-emoji": "Emoji, VAE",
        "gan-emoji": "Emoji, GAN",
        "emoji-grid": "Emoji, VAE with a grid",
    },
    "about": {
        "vae": "A VAE (variational autoencoder): one network turned pictures into latents,"
        " and this one, its decoder, learned to turn latents back into pictures.",
        "gan": "The generator of a GAN, trained against a discriminator as in experiment 2."
        " It never saw a picture, only the discriminator's judgement.",
        "grid": "The decoder of the VAE in the model of experiment 4. The buttons go to"
        " pictures that people drew, as this VAE remembers them.",
    },
    "dim": " A latent has {} numbers.",
    "note": "To make the page small, each weight is rounded to a multiple of {:g} of the"
    " typical size (root mean square) of its neighbours. The last column is the mean"
    " difference between pictures before and after, from the same latents or noise.",
    "words": (
        "red heart",
        "blue heart",
        "grinning face",
        "cat face",
        "green apple",
        "红色的心",
        "蓝心",
    ),
}
