"""What raters read, in each language: their questions, the page and the form.

``{n}``, ``{done}`` and the like stand for numbers, ``{questions}`` for a number with its noun; a
noun has two forms, for one and for several.
"""

from typing import Any

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "lang": "en",
        "real_or_fake": {
            "title": "Real or fake?",
            "instructions": "You will see one image at a time. Half of them are real; half were"
            " made by a computer program. Decide for each one. If you cannot tell, guess.",
            "buttons": ("Real", "Fake"),
            "hints": ("← or R", "→ or F"),
        },
        "which_is_real": {
            "title": "Which one is real?",
            "instructions": "You will see two images at a time. One is real; the other was made by"
            " a computer program. Choose the real one. If you cannot tell, guess.",
            "buttons": ("Left is real", "Right is real"),
            "hints": ("← or 1", "→ or 2"),
        },
        "seconds": ("{n} second", "{n} seconds"),
        "exposure": "Look at the cross: what you judge appears there for only {seconds} and is"
        " then covered. You may take your time to answer.",
        "question": ("{n} question", "{n} questions"),
        "answer": ("{n} answer", "{n} answers"),
        "amount": "{questions}.",
        "amount_after_practice": "{questions}, after {n} for practice.",
        "counter": "{done} of {total}",
        "practice_counter": "Practice: {done} of {total}",
        "pause": "{questions} will now count. You will not be told which answers are right.",
        "end": "You answered {questions}. Please save the file and hand it back to whoever gave"
        " you this page.",
        "confirm_stop": "Stop after {answers}? You cannot go on later.",
        "confirm_unsaved": "These answers are not saved yet. Go on without them?",
        "image": "Image to judge",
        "no_script": "This page asks its questions with JavaScript. Please allow it here; the page"
        " loads nothing from anywhere.",
        "name": "Your name or a code",
        "optional": "(optional)",
        "start": "Start",
        "privacy": "Nothing is sent anywhere. At the end you get a small file to hand back: your"
        " answers, how long each took, and the name above.",
        "stop": "Stop here",
        "answered": "Answered",
        "practised": "That was practice",
        "go_on": "Go on",
        "thanks": "Thank you",
        "save": "Save my answers",
        "no_saving": "Saving does not work here?",
        "copy": "Copy this text and send it instead.",
        "as_text": "My answers as text",
        "next": "Next person",
        "enter": "Enter",
        "form_keys": "Keys: Tab moves between the buttons, Space presses one.",
        "form_stopped": "Stopped before the first answer.",
        "form_end": "Thank you. {answers} are in {place}.",
        "form_file": "Thank you. {answers} are in {place} and in the file {file}.",
    },
    "zh": {
        "lang": "zh-CN",
        "real_or_fake": {
            "title": "真还是假？",
            "instructions": "每次显示一张图像。其中一半是真的，另一半由计算机程序生成。请逐张判断；"
            "看不出来时请猜一个。",
            "buttons": ("真", "假"),
            "hints": ("← 或 R", "→ 或 F"),
        },
        "which_is_real": {
            "title": "哪一张是真的？",
            "instructions": "每次显示两张图像。一张是真的，另一张由计算机程序生成。请选出真的那张；"
            "看不出来时请猜一个。",
            "buttons": ("左边是真的", "右边是真的"),
            "hints": ("← 或 1", "→ 或 2"),
        },
        "seconds": ("{n} 秒", "{n} 秒"),
        "exposure": "请注视十字：要判断的图像只在那里出现 {seconds}，随后被遮住。作答时间不限。",
        "question": ("{n} 道题", "{n} 道题"),
        "answer": ("{n} 个回答", "{n} 个回答"),
        "amount": "共 {questions}。",
        "amount_after_practice": "先练习 {n} 道，再正式回答 {questions}。",
        "counter": "第 {done} 题，共 {total} 题",
        "practice_counter": "练习：第 {done} 题，共 {total} 题",
        "pause": "接下来的 {questions}将计入结果。回答对不对，不会告诉你。",
        "end": "你回答了 {questions}。请保存文件，并交还给把本页面发给你的人。",
        "confirm_stop": "已有 {answers}，现在就结束吗？结束后不能再继续。",
        "confirm_unsaved": "这些回答还没有保存。要放弃它们并继续吗？",
        "image": "待判断的图像",
        "no_script": "本页面用 JavaScript 提问，请允许其运行；页面不会从任何地方加载内容。",
        "name": "你的姓名或代号",
        "optional": "（可不填）",
        "start": "开始",
        "privacy": "任何内容都不会被发送出去。最后你会得到一个小文件，请把它交还；其中有你的回答、"
        "每题用时和上面填写的名字。",
        "stop": "到此结束",
        "answered": "已回答",
        "practised": "练习结束",
        "go_on": "继续",
        "thanks": "谢谢",
        "save": "保存我的回答",
        "no_saving": "这里无法保存？",
        "copy": "请复制下面的文字并发送。",
        "as_text": "文字形式的回答",
        "next": "下一位",
        "enter": "回车",
        "form_keys": "按键：Tab 在按钮之间移动，空格键按下按钮。",
        "form_stopped": "在第一个回答之前就结束了。",
        "form_end": "谢谢。{answers}保存在 {place} 中。",
        "form_file": "谢谢。{answers}保存在 {place} 和文件 {file} 中。",
    },
}


def counted(words: dict[str, Any], noun: str, n: float) -> str:
    """Return a number with its noun, such as "1 question" or "2 questions"."""
    return words[noun][0 if n == 1 else 1].format(n=f"{n:g}")


def exposure_text(exposure_ms: int | None, language: str = "en") -> str:
    """Say what a rater is told about limited time; empty where there is no limit."""
    if exposure_ms is None:
        return ""
    words = WORDS[language]
    return words["exposure"].format(seconds=counted(words, "seconds", exposure_ms / 1000))
