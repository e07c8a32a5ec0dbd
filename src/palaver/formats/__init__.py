"""Conversations in and out of files, one module per format."""

from palaver.formats.base import Mended, Skipped
from palaver.formats.detect import FORMATS, detect
from palaver.formats.exports import take_out
from palaver.formats.imports import ImportReport, Progress, bring_in

__all__ = [
    "FORMATS",
    "ImportReport",
    "Mended",
    "Progress",
    "Skipped",
    "bring_in",
    "detect",
    "take_out",
]
