"""What the playground says in Chinese; see `gentut.report.playground_texts`."""

from typing import Any

WORDS: dict[str, Any] = {
    "no_script": "本页用 JavaScript 自己完成全部计算。请允许它运行；页面不会从任何地方加载内容。",
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
}
