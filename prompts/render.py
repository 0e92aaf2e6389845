#!/usr/bin/env python3
"""Speaks the words of prompts.toml into fr/*.wav and en/*.wav, and makes the music for waiting.

    python3 prompts/render.py              # what is missing, and what was spoken by this script from other words
    python3 prompts/render.py --check      # renders nothing; says what is missing, outdated, too loud or too long
    python3 prompts/render.py welcome busy # only these

A recording by a person is never replaced: the files of this script bear its name and a digest of their words at their
end, and a file without them is somebody's voice. Needs Python 3.11. The voices come with the package `py-nanotts`
(they work offline); when it is missing it is installed below target/, which git does not see.

What comes out: WAV, 16 bits, mono, 8000 Hz, at most 80 ms of silence before and 200 ms after, speech at about -20 dBFS.
"""

import hashlib
import math
import os
import struct
import subprocess
import sys
import tomllib
from array import array
from operator import mul
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE.parent / "target" / "prompts-venv"
PACKAGE = "py-nanotts==0.1.1"

VOICES = {"fr": "fr-FR", "en": "en-GB"}
SPEED = 0.9           # slower than the voice's own pace: whoever listens may be 82
VOLUME = 0.6          # the voice clips at 1.0; the level is set afterwards
RATE_VOICE = 16_000
RATE = 8_000

SPEECH_DBFS = -20.0
PEAK_DBFS = -1.0
MUSIC_DBFS = -28.0
LEAD_MS, TAIL_MS = 80, 200
LASTS_MAX_S = 60
MARK = b"ecoute prompts/render.py"


def main(arguments):
    check = "--check" in arguments
    only = [a for a in arguments if not a.startswith("-")]
    prompts = tomllib.loads((HERE / "prompts.toml").read_text(encoding="utf-8"))["prompt"]
    unknown = [name for name in only if name not in prompts]
    if unknown:
        sys.exit(f"prompts.toml has no prompt {', '.join(unknown)}")
    todo = []
    for name, words in prompts.items():
        for language in VOICES:
            if language in words and (not only or name in only):
                todo.append((name, language, words[language]))
    if check:
        sys.exit(1 if report(todo) else 0)
    todo = [item for item in todo if state(*item) in ("missing", "outdated")]
    speaker = speaker_or_restart(arguments) if todo else None
    for name, language, words in todo:
        samples = music() if name == "hold_music" else speak(speaker, name, language, words)
        write(path(name, language), samples, digest(name, language, words))
        print(f"{language}/{name}.wav  {len(samples) / RATE:.1f} s")
    print(f"{len(todo)} spoken")


# ---- which files are to be made -------------------------------------------------------------------------------------


def path(name, language):
    return HERE / language / f"{name}.wav"


def voice_of(name, language):
    # The names of departments are French in every language: an English voice cannot say them.
    return VOICES["fr"] if name.startswith("dept.") else VOICES[language]


def digest(name, language, words):
    text = f"{words}|{voice_of(name, language)}|{SPEED}"
    return hashlib.sha256(text.encode()).hexdigest()[:16].encode()


def state(name, language, words):
    """missing, current, outdated, or recorded (by a person)."""
    file = path(name, language)
    if not file.exists():
        return "missing"
    tail = file.read_bytes()[-96:]
    if MARK not in tail:
        return "recorded"
    return "current" if digest(name, language, words) in tail else "outdated"


def report(todo):
    wrong = 0
    for name, language, words in todo:
        found = state(name, language, words)
        complaints = [found] if found in ("missing", "outdated") else judge(path(name, language))
        for complaint in complaints:
            print(f"{language}/{name}.wav: {complaint}")
        wrong += len(complaints)
    print(f"{len(todo)} files, {wrong} complaints")
    return wrong


def judge(file):
    data = file.read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return ["is not a WAV file"]
    at, form, sound = 12, None, b""
    while at + 8 <= len(data):
        kind, size = data[at:at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if kind == b"fmt ":
            form = struct.unpack_from("<HHIIHH", data, at + 8)
        elif kind == b"data":
            sound = data[at + 8:at + 8 + size]
        at += 8 + size + size % 2
    if form is None or not sound:
        return ["holds no sound"]
    complaints = []
    if form[0] != 1 or form[1] != 1 or form[5] != 16:
        complaints.append("must be mono, 16 bits, uncompressed")
        return complaints
    samples = array("h", sound)
    if len(samples) / form[2] > LASTS_MAX_S:
        complaints.append(f"lasts {len(samples) / form[2]:.0f} s, more than {LASTS_MAX_S}")
    if max(map(abs, samples)) >= 32_767:
        complaints.append("is too loud: it clips")
    level = decibels(active_rms([s / 32_768 for s in samples], form[2]))
    if not -32 <= level <= -12:
        complaints.append(f"has a level of {level:.0f} dBFS; about {SPEECH_DBFS:.0f} is wanted")
    return complaints


# ---- the voice ------------------------------------------------------------------------------------------------------


def speaker_or_restart(arguments):
    try:
        import py_nanotts
        return py_nanotts.NanoTTS()
    except ImportError:
        python = VENV / "bin" / "python"
        if Path(sys.prefix) == VENV:
            sys.exit(f"{PACKAGE} is installed and cannot be loaded")
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        os.execv(str(python), [str(python), str(Path(__file__).resolve()), *arguments])


def speak(speaker, name, language, words):
    sound = speaker.speak(words, voice=voice_of(name, language), speed=SPEED, volume=VOLUME)
    wide = [s / 32_768 for s in array("h", sound)]
    if not wide:
        sys.exit(f"the voice says nothing for {language}/{name}")
    samples = trim(halve(wide))
    gain = 10 ** (SPEECH_DBFS / 20) / active_rms(samples, RATE)
    ceiling = 10 ** (PEAK_DBFS / 20) / max(map(abs, samples))
    return faded([s * min(gain, ceiling) for s in samples])


def halve(wide):
    """From 16 to 8 kHz: low-pass below 4 kHz (Blackman-windowed sinc, -74 dB), then every second sample."""
    half, cutoff = 63, 3_600 / RATE_VOICE
    taps = []
    for n in range(-half, half + 1):
        sinc = 2 * cutoff if n == 0 else math.sin(2 * math.pi * cutoff * n) / (math.pi * n)
        window = 0.42 + 0.5 * math.cos(math.pi * n / (half + 1)) + 0.08 * math.cos(2 * math.pi * n / (half + 1))
        taps.append(sinc * window)
    scale = sum(taps)
    taps = [t / scale for t in taps]
    mean = sum(wide) / len(wide)
    padded = [0.0] * half + [s - mean for s in wide] + [0.0] * half
    return [sum(map(mul, taps, padded[at:at + len(taps)])) for at in range(0, len(wide), 2)]


def trim(samples):
    """Leaves a little silence on both sides, never more."""
    quiet = 0.01 * max(map(abs, samples))
    loud = [at for at, s in enumerate(samples) if abs(s) > quiet]
    first = max(0, loud[0] - LEAD_MS * RATE // 1000)
    last = min(len(samples), loud[-1] + TAIL_MS * RATE // 1000)
    return samples[first:last]


def faded(samples):
    """Five milliseconds in and out, so that nothing clicks."""
    n = RATE // 200
    return [s * min(1.0, at / n, (len(samples) - 1 - at) / n) for at, s in enumerate(samples)]


def active_rms(samples, rate):
    """The level of the speech itself: pauses, 30 dB below the loudest 20 ms, do not count."""
    n = rate // 50
    powers = [sum(s * s for s in samples[at:at + n]) / n for at in range(0, len(samples) - n + 1, n)]
    powers = [p for p in powers if p > 1e-3 * max(powers)] or [1e-9]
    return math.sqrt(sum(powers) / len(powers))


def decibels(level):
    return 20 * math.log10(max(level, 1e-9))


# ---- the music ------------------------------------------------------------------------------------------------------


def music():
    """Twelve seconds of four soft chords. Every tone has a whole number of waves in the twelve seconds and every swell
    wraps around, so the end is the beginning: it can be repeated for ever without a click."""
    seconds, length = 12, 12 * RATE
    chords = [(261.6, 329.6, 392.0, 523.3), (293.7, 349.2, 440.0, 587.3), (261.6, 349.2, 440.0, 523.3), (246.9, 329.6, 392.0, 493.9)]
    out = [0.0] * length
    for nth, chord in enumerate(chords):
        centre = (nth + 0.5) * length / len(chords)
        width = length / len(chords) * 0.95
        for voice, hertz in enumerate(chord):
            waves = round(hertz * seconds)
            for overtone, part in ((1, 1.0), (2, 0.22), (3, 0.07)):
                step = 2 * math.pi * waves * overtone / length
                phase = 0.7 * voice + nth
                for at in range(length):
                    away = abs((at - centre + length / 2) % length - length / 2)
                    if away < width:
                        swell = 0.5 + 0.5 * math.cos(math.pi * away / width)
                        out[at] += part * swell * math.sin(step * at + phase) / (1 + 0.25 * voice)
    level = math.sqrt(sum(s * s for s in out) / length)
    gain = 10 ** (MUSIC_DBFS / 20) / level
    return [s * gain for s in out]


# ---- the file -------------------------------------------------------------------------------------------------------


def write(file, samples, words_digest):
    # The mark stands after the sound, where no player looks (RIFF `LIST`/`INFO`: ISFT software, ICMT comment).
    sound = array("h", [max(-32_767, min(32_767, round(s * 32_768))) for s in samples])
    if sys.byteorder == "big":
        sound.byteswap()
    info = b"INFO" + chunk(b"ISFT", MARK + b"\0\0") + chunk(b"ICMT", words_digest)
    body = b"WAVE" + chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16))
    body += chunk(b"data", sound.tobytes()) + chunk(b"LIST", info)
    file.parent.mkdir(exist_ok=True)
    whole = file.with_suffix(".wav.part")
    whole.write_bytes(chunk(b"RIFF", body))
    whole.replace(file)


def chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


if __name__ == "__main__":
    main(sys.argv[1:])
