"""What the playground says, in each language.

What its page and scripts hold as ``{{name}}`` is put in as it stands: into the page as HTML, into a
script as the inside of a string or of a template, whose ``${}`` are values of the script.
"""

from typing import Any

WORDS: dict[str, dict[str, Any]] = {
    "en": {
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
        "noise_guess_note": "What the network expects at the end, if it went straight on from"
        " here.",
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
    },
    "zh": {
        "no_script": "本页用 JavaScript 自己完成全部计算。请允许它运行；页面不会从任何地方加载内"
        "容。",
        "title": "玩一玩图像生成",
        "lead": "四个小实验，主角是会画图的程序。它们就在本页里运行：什么都不用安装，什么都不会发"
        "送。你也弄不坏什么。",
        "experiments": "实验",
        "latent_link": "1 图片之间",
        "game_link": "2 两个玩家",
        "noise_link": "3 从噪声开始",
        "caption_link": "4 从文字开始",
        "experiment": "实验",
        "latent_title": "两张图片之间有什么？",
        "latent_intro": "<dfn>生成器</dfn>是一个网络，它把一小串数变成一张图片。这串数叫<dfn>潜变"
        "量</dfn>（latent）。可以把它想成地图上的一个位置：每个位置有一张图片，相近的位置图片也相"
        "似。所有位置合在一起，就是<dfn>潜空间</dfn>。",
        "try": "试一试。",
        "latent_try": "慢慢拖动地图上的圆点。然后按另一个字母，再来回拖动“路程”滑块：这些是中间的"
        "图片，没有人画过它们。",
        "model": "模型",
        "latent_here": "这个位置的图片",
        "latent_here_now": "这个位置的图片。",
        "map": "地图",
        "map_first": "图片的地图。用方向键移动圆点。",
        "map_help": "地图：第 1 个数从左到右增大，第 2 个数从下到上增大。拖动圆点，或者用方向键。",
        "go_to": "前往",
        "surprise": "随便来一张",
        "way": "路程",
        "at_goal": "在终点",
        "strip": "从上一个位置到新位置，路上的九张图片",
        "strip_note": "从上一个位置（左）到新位置（右）的路。圆点是你现在的位置。",
        "numbers": "这些数本身",
        "see": "能看到什么",
        "latent_see": "字母平滑地变化：粗的变细，宽的变窄。A 和 D 之间的形状，两者都不是。",
        "latent_grid": "带网格的表情符号模型不一样。它的潜变量本身就是一张 8 × 8 的小图，所以走到"
        "一半，看到的是两张图片叠在一起。这样的网格能很好地保留细节，但它的大多数位置并不是图片。"
        "实验 4 加上第二个网络，它知道哪些位置是好的。",
        "game_title": "两个玩家为什么要公平对局？",
        "game_intro": "<dfn>GAN</dfn>（生成对抗网络）是一场博弈。<dfn>生成器</dfn>造点；<dfn>判别"
        "器</dfn>分辨造出的点和真实的点。双方互相学习。这里，一张图片只是平面上的一个点，这样就能"
        "看清两个玩家在想什么。",
        "game_try": "让生成器连走十步，然后按“开始”。真实的点聚成几团，这里叫“云”。造出的点却全"
        "都挤成一堆，从一朵云跑到另一朵云。这叫<dfn>模式崩溃</dfn>。然后改成公平对局，等一等：点会散开，分布到各朵云上。",
        "game_real": "真实的点",
        "game_moves": "判别器每走一步，生成器走几步",
        "game_start": "开始",
        "game_again": "从头再来",
        "game_plane": "平面",
        "game_plane_note": '<span class="key cross">+</span> 真实的点，<span class="key'
        ' dot">●</span> 造出的点。底色表示判别器的看法：<span class="key real">蓝色</span>的地方'
        '它认为是“真实”，<span class="key fake">橙色</span>的地方它认为是“造出”，没有颜色的地方它'
        "说不准。",
        "game_not_started": "还没有开始。",
        "game_clouds": "到达的云数，随回合变化",
        "game_clouds_note": "含有造出的点（至少占 2 %）的云有几朵，随回合变化。",
        "game_losses": "两个玩家的损失，随回合变化",
        "game_losses_note": '损失，单位是奈特；越低，对该玩家越有利。<span class="key'
        ' real">━</span> 判别器，<span class="key fake">┅</span> 生成器。细线：判别器只能猜的时候'
        "的值，2·log 2 = 1.39 和 log 2 = 0.69。",
        "game_see": "生成器从没见过真实的点。它学到的一切都来自判别器的梯度：“往那边看起来更真”。"
        "判别器不动的时候，最好的去处始终是同一个地方，走十步就够所有的点都跑过去。接着判别器把那"
        "个地方标成“造出”，这一堆点又往前跑。公平对局时，判别器马上回应，没有哪个地方能一直最好。",
        "game_see_losses": "从损失看不出这一点：崩溃的对局，损失也可以很好看。要数云。",
        "noise_title": "噪声什么时候变成字母？",
        "noise_intro": "<dfn>流</dfn>（flow）从噪声开始，也就是每个像素一个随机的灰度，然后一小步"
        "一小步地改变它。每一步，网络都说出该往哪个方向走。时间从 0（噪声）走到 1（图片）。网上常"
        "见的生成图片，多半出自扩散模型，原理也是这样。",
        "noise_try": "按“播放”。再用滑块往回走：从什么时候起，你认得出是哪个字母？然后只走"
        "一步。哪里出了问题？",
        "letter": "字母",
        "steps": "步数",
        "play": "播放",
        "new_noise": "换噪声",
        "noise_now": "这个时间的图片",
        "noise_now_note": '时间 <span id="noise-time">0.00</span> 的图片。',
        "noise_guess": "网络预期的终点",
        "noise_guess_note": "如果从这里笔直走下去，网络预期的终点。",
        "time": "时间",
        "noise_see": "右边的图片是预测。时间为 0 时它很模糊：是这一类所有字母的平均，因为什么都"
        "还没有定下来。时间越往后，它越清楚。只走一步，流就停在最初的那片模糊里；多走几步，它会在"
        "路上修正方向。",
        "caption_title": "图片听文字的话吗？",
        "caption_intro": "同样的办法，再加上文字。一个网络读你写的词，把噪声移到一个潜变量；实验 1 "
        "的表情符号模型再把这个潜变量变成图片。两个网络都很小，只见过几千个表情符号。它们熟悉心形"
        "和脸，许多别的东西就画不好。",
        "caption_try": "画“红色的心”，再用同样的噪声画“蓝心”。然后把文字的权重设成 1，再画一次："
        "它还听话吗？",
        "caption_ask": "要它画什么？中文或英文都行。",
        "caption_first": "红色的心",
        "draw": "画",
        "examples": "例子",
        "weight": "文字的权重",
        "caption_not_drawn": "还没有画。",
        "caption_picture": "还没有画",
        "caption_yours": "你的图片。",
        "caption_before_note": "画过的，最新的在前：",
        "caption_before": "画过的",
        "caption_see": "这个权重叫<dfn>引导</dfn>（guidance）强度。每一步都问网络两次，一次带你的"
        "词，一次不带；权重决定沿两者之差的方向走多远。权重为 1 时，文字只是许多线索中的一条。权"
        "重大，就更听文字的话，但图片的变化也更少。",
        "caption_see_unknown": "网络从没见过的词会略去；图片上方的那行字会告诉你是哪些。",
        "models": "本页里的模型",
        "models_name": "模型",
        "models_weights": "权重数",
        "models_size": "在本页里的大小",
        "models_error": "取整使像素改变（满 255）",
        "made_with": "由 <code>gentut playground</code> 制作。课程里会讲怎样搭建和训练这一切。",
        "between": '${listed(kinds.map((kind) => "“" + kind + "”"))}之间',
        "latent_kind": '这个位置的图片${kind ? "：" + kind : ""}',
        "stop": "。",
        "percent": "走了百分之 ${percent}",
        "map_now": "图片的地图。第 1 个数是 ${x.toFixed(1)}，第 2 个数是 ${y.toFixed(1)}。用方向"
        "键移动圆点。",
        "of_numbers": "数",
        "of_directions": "主方向",
        "latent_numbers": "一个位置有 ${latent.space.dim} 个数。这里是让图片变化最大的 ${count} "
        "个${kind}。",
        "number": "第 ${k + 1} 个数",
        "game_round": "第 ${round} 回合：${game.gan.centres.length} 朵云，到达了 ${reached} 朵。",
        "game_pause": "暂停",
        "game_plane_now": "平面：真实的点有 ${all} 朵云，其中 ${reached} 朵里有造出的点",
        "game_last": "第 ${last} 回合",
        "game_reached": "到达的云",
        "discriminator": "判别器",
        "generator": "生成器",
        "comma": "，",
        "game_at": "，第 ${final.round} 回合",
        "game_fair": "1 步：公平对局",
        "game_ten": "连走 10 步",
        "game_ring": "8 朵云，排成环",
        "game_grid": "9 朵云，排成方阵",
        "noise_time": "时间 ${text}",
        "noise_way": "时间 ${text} 的图片，从噪声走向 ${letter}",
        "noise_expects": "网络在时间 ${text} 预期的终点",
        "noise_done": "噪声走了 ${steps} 步，变成了 ${letter}。",
        "caption_none": '这些词我都不认识：${unknown.join("、")}。',
        "caption_empty": "请先写一个词。",
        "caption_left": '不认识，已略去：${unknown.join("、")}。',
        "caption_drawing": "正在画“${text}”……${left}",
        "caption_drawn": "按“${text}”画的图片，权重 ${weight}",
        "caption_now": "“${text}”，权重 ${weight}。",
        "caption_done": "画好了：“${text}”。${left}",
        "caption_kept": "${text}，权重 ${weight}",
        "old_browser": "本页需要 2023 年以后的浏览器。",
        "spaces": {
            "vae-glyphs": "字母，VAE",
            "gan-glyphs": "字母，GAN",
            "vae-emoji": "表情符号，VAE",
            "gan-emoji": "表情符号，GAN",
            "emoji-grid": "表情符号，带网格的 VAE",
        },
        "about": {
            "vae": "VAE（变分自编码器）：一个网络把图片变成潜变量；这里的是另一个网络，即解码器，"
            "它学会了把潜变量变回图片。",
            "gan": "GAN 的生成器，训练时与判别器对抗，就像实验 2 那样。它从没见过图片，只见过判别"
            "器的判断。",
            "grid": "实验 4 的模型里那个 VAE 的解码器。按钮通向人画的图片，显示的是这个 VAE 重建"
            "出来的样子。",
        },
        "dim": "一个潜变量有 {} 个数。",
        "note": "为了让页面小一些，每个权重都取整：先算出相邻权重的典型大小（均方根），"
        "乘以 {:g}，再取这个数的整数倍。最后一列是取整前后图片的平均差别，用的是同样的"
        "潜变量或噪声。",
        "words": ("红色的心", "蓝心", "笑脸", "猫脸", "青苹果", "red heart", "blue heart"),
    },
}
