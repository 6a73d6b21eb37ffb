#!/usr/bin/env python3
"""Speaks the prompts of prompts.yml (name → language → text) into WAV files that Asterisk plays: 8 kHz, mono.

The engineer's own recording of a prompt, OWN/LANGUAGE/NAME.wav (or .flac, .ogg), is converted instead.
"""

import re
import subprocess
import sys
from pathlib import Path

import yaml  # type: ignore[import-untyped]  # of the image, not of the project

VOICES = {"en": "en-us", "ru": "ru"}
OWN_SUFFIXES = (".wav", ".flac", ".ogg")


def read_prompts(file: Path) -> dict[str, dict[str, str]]:
    prompts = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(prompts, dict) or not prompts:
        sys.exit(f"{file}: expected NAME: {{en: TEXT, ru: TEXT}} for each prompt")
    for name, texts in prompts.items():
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            sys.exit(f"{file}: {name!r}: a prompt's name is made of a-z, 0-9 and -")
        if not isinstance(texts, dict) or set(texts) != set(VOICES):
            sys.exit(f"{file}: {name}: needs a text for each of {', '.join(VOICES)}")
        for language, text in texts.items():
            if not isinstance(text, str) or not text.strip():
                sys.exit(f"{file}: {name}.{language}: is empty")
    return prompts


def to_telephone(source: list[str], target: Path, *effects: str) -> None:
    form = ["-r", "8000", "-c", "1", "-b", "16", "-e", "signed-integer"]
    subprocess.run(["sox", *source, *form, str(target), *effects, "gain", "-n", "-6"], check=True)


def speak(text: str, language: str, target: Path) -> None:
    spoken = target.with_suffix(".spoken.wav")
    espeak = ["espeak-ng", "-v", VOICES[language], "-s", "150", "-g", "2", "-w", str(spoken), "--stdin"]
    subprocess.run(espeak, input=text.encode(), check=True)
    to_telephone([str(spoken)], target, "pad", "0", "0.2")
    spoken.unlink()


def main() -> None:
    prompts, own, out = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    for name, texts in read_prompts(prompts).items():
        for language, text in texts.items():
            target = out / language / f"{name}.wav"
            target.parent.mkdir(parents=True, exist_ok=True)
            recordings = [own / language / f"{name}{suffix}" for suffix in OWN_SUFFIXES]
            recording = next((file for file in recordings if file.is_file()), None)
            if recording is not None:
                to_telephone([str(recording)], target)
            else:
                speak(text, language, target)
            print(f"{target}: {recording or 'spoken'}")


if __name__ == "__main__":
    main()
