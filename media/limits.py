"""How much of a file this program is willing to take on, with the reason for each number.

Files come from anywhere and are hostile until read. A limit turns "the machine stops responding" into a sentence that
says what the file has, what is allowed, and what to do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one conversion. Each value is the most that is still accepted."""

    # Width times height. Decoding needs about 7 bytes for each pixel, so this is some 700 MB for a moment; it lets
    # through every camera of today (up to about 100 megapixels), and no decompression bomb.
    max_pixels: int = 100_000_000

    # Of a frame of a clip: 8K. A decoder may hold twenty frames at 1.5 to 3 bytes a pixel, which is 2 GB for this.
    max_frame_pixels: int = 36_000_000

    # Uncompressed 16-bit RGBA takes 8 bytes a pixel: the largest honest file of the largest honest picture is 800 MB.
    max_file_bytes: int = 1_000_000_000

    # A progressive JPEG refines the whole picture with each scan. Honest ones have about 10; a file of one megabyte can
    # hold thousands, which take minutes. libtiff draws the same line.
    max_jpeg_scans: int = 100

    # Pictures in one conversation: what Llama 4 was pretrained with at most.
    max_pictures: int = 48

    # Of a document. A page takes about 10 ms; the longest books that people have as one file are below.
    max_pages: int = 3000

    # Letters of a document: some two million tokens, more than most checkpoints hold.
    max_text_chars: int = 8_000_000

    # Of a table: what is longer is for a database, and a model counts rows badly.
    max_table_rows: int = 20_000
    max_table_columns: int = 200

    # What a person's folder may hold before only a part of it is looked at. A large program has some thousand files of
    # its own; what has more is data, or what tools put there, and the token map could not be read any more.
    max_folder_files: int = 10_000

    # Entries that are looked at in all, those that are ignored included: about two seconds of a disk that is not slow.
    max_folder_entries: int = 200_000

    # Folders in folders. Nobody nests them deeper; a loop that is not a link (a mount, a junction) does.
    max_folder_depth: int = 40

    # Of one file in a folder. Source that people wrote is below 200 kB; what is larger is data.
    max_folder_file_bytes: int = 1_000_000

    # A line that nobody wrote by hand: minified code, data as text.
    max_line_chars: int = 5_000

    # Of a .gitignore. The longest collections of them have about 20 kB; each line is tried on each entry.
    max_ignore_bytes: int = 100_000

    # Lines of the listing that the model reads before the files; deeper folders are summed up beyond it.
    max_listing_lines: int = 1_000

    # What an archive may unpack to. Office documents of a hundred megabytes are rare, and bombs are gigabytes.
    max_unpacked_bytes: int = 300_000_000

    # What the process that reads files may take beyond its start. The largest picture needs 700 MB for a moment.
    max_memory_bytes: int = 3_000_000_000

    # How long a file may take for each hundredth of it, whatever the machine; what takes longer is hung, or meant to
    # be. Not for all of it: a recogniser listens to an hour for ten minutes, and a person can stop it.
    max_seconds: float = 300.0

    # The most that a conversion may write into one file. A WAV file counts its bytes with 32 bits, and many USB sticks
    # hold no larger file; it is 6 hours of stereo, and some 10 hours of film.
    max_written_bytes: int = 4_000_000_000

    # What may be spoken: some 9 hours, as a long novel read aloud.
    max_spoken_chars: int = 500_000

    # Of an animated picture, which can only be gone through from its beginning: about a minute of work for either.
    max_animation_frames: int = 5000
    max_animation_pixels: int = 3_000_000_000

    # Of sound in memory: four hours for a recogniser of speech, three quarters of an hour of stereo for other formats.
    # What is longer is read to there, and a person can ask for the rest.
    max_sound_bytes: int = 1_000_000_000

    # Of sound: what is lower is no sound, and studios record at up to 768 kHz.
    min_sample_rate: int = 1000
    max_sample_rate: int = 1_000_000

    # Of sound: Ambisonics of the third order, and more than any film has. FFmpeg mixes no more than some dozens.
    max_channels: int = 16

    # Of a text that is drawn: SVG with pictures written into it is the longest, and expands to several times as much.
    max_drawing_chars: int = 10_000_000

    # Elements of an SVG, each counted as often as it is referred to, and steps of filters for many. Maps have some
    # 50,000; a second of work is about 100,000 simple shapes.
    max_drawing_parts: int = 200_000

    # How deep its elements are nested. Drawing programs write some 20; each level costs stack in who reads it.
    max_drawing_depth: int = 100

    # The longer side of what a drawing becomes, whatever size it claims: a page at 350 dots to the inch.
    max_drawing_side: int = 4096

    # Of all pictures that are written into a drawing, together: a photograph or a few.
    max_drawing_pixels: int = 25_000_000

    # A formula that fills a page has some 1,500 letters, and its reader goes one level deeper for each bracket.
    max_formula_chars: int = 4000

    # Boxes of a diagram, and bars or points of a chart: more cannot be read on a page.
    max_diagram_nodes: int = 200
    max_chart_values: int = 5000

    # That a text becomes: a picture each, which takes about 0.2 s.
    max_drawn_pages: int = 200

    # The chip and the attachment strip show at most this many pixels on the longer side, on displays of double density.
    thumbnail_side: int = 256


DEFAULT_LIMITS = Limits()


def files_at_once() -> int:
    """How many files are read at the same time. Each has a process of some 80 MB, and may take `max_memory_bytes`."""
    return min(os.cpu_count() or 1, 4)
