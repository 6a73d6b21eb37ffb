"""The recorders of a World: what runs, what is muted, what has ended, and what AMI tells of it."""

from collections import deque
from dataclasses import dataclass, field

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.ids import LegId, RecordingId
from tests.fakes.legs import Leg


@dataclass
class Recorders:
    legs: dict[LegId, Leg] = field(default_factory=dict)
    ami: deque[f.Fact] = field(default_factory=deque)
    recording: dict[LegId, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)  # recordings that are muted
    cannot_mute: bool = False  # whatever records
    recorded: list[str] = field(default_factory=list)

    def carry_out_recording(self, order: o.RecorderOrder) -> None:
        leg, recording = order.leg, order.recording
        match order:
            case o.StartRecording():
                if self.legs[leg].state == "up" and recording not in self.recorded:
                    self.recording[leg] = recording
                    self.ami.append(f.RecordingStarted(order.call, recording))
                if order.muted:
                    self.mute_recording(leg, recording, muted=True)
            case o.MuteRecording(muted=muted):
                self.mute_recording(leg, recording, muted=muted)
            case o.StopRecording() if self.recording.get(leg) == recording:
                self.end_recording(leg)

    def mute_recording(self, leg: LegId, recording: RecordingId, *, muted: bool) -> None:
        """As the adapter: what cannot be muted, or made heard again, is stopped for good."""
        runs = self.recording.get(leg) == recording
        if runs and not self.cannot_mute:
            (self.silent.add if muted else self.silent.discard)(recording)
            if muted:
                self.ami.append(f.RecordingPaused(self.legs[leg].call, recording))
        elif self.legs[leg].state != "gone":
            if runs:
                self.end_recording(leg)
            self.ami.append(f.RecordingCut(self.legs[leg].call, recording))

    def end_recording(self, leg: LegId) -> None:
        recording = self.recording.pop(leg)
        self.recorded.append(recording)
        self.ami.append(f.RecordingEnded(self.legs[leg].call, RecordingId(recording)))
