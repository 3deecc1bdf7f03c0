#!/usr/bin/env python3
"""Makes events.tfevents with TensorBoard's own classes (tensorboard 2.21.0), and checks that TensorBoard reads from it what is meant.

    pip install tensorboard==2.21.0; python make_events.py
"""
import os, shutil, tempfile
import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

TIME = 1700000000.25
here = os.path.dirname(os.path.abspath(__file__))
path = os.path.join(here, "events.tfevents")


def scalars(step, values):
    return Event(wall_time=TIME, step=step, summary=Summary(value=[Summary.Value(tag=t, simple_value=v) for t, v in values]))


events = [
    Event(wall_time=TIME, file_version="brain.Event:2"),
    # TensorBoard takes the first start for no restart.
    Event(wall_time=TIME, step=1, session_log=SessionLog(status=SessionLog.START)),
    scalars(1, [("train/loss", 2.5), ("loss/triplet on ‘both’", 0.1)]),
    scalars(300, [("train/loss", float("inf"))]),
    scalars(70000, [("train/loss", -1e-30)]),
    # Resumed after step 300: what was written of later steps does not count.
    Event(wall_time=TIME, step=301, session_log=SessionLog(status=SessionLog.START)),
    scalars(301, [("train/loss", 0.75)]),
]
with open(path, "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    writer.flush()

with tempfile.TemporaryDirectory() as folder:
    shutil.copy(path, os.path.join(folder, "events.out.tfevents.1700000000.000.fwoc"))
    read = EventAccumulator(folder)
    read.Reload()
    loss = [(e.step, e.value) for e in read.Scalars("train/loss")]
    assert loss == [(1, 2.5), (300, float("inf")), (301, 0.75)], loss
    assert read.Tags()["scalars"] == ["train/loss", "loss/triplet on ‘both’"], read.Tags()
    # What the program itself shows.
    shown = EventMultiplexer().AddRunsFromDirectory(folder)
    shown.Reload()
    assert [(e.step, e.tensor_proto.float_val[0]) for e in shown.Tensors(".", "train/loss")] == loss
print(f"{path}: {os.path.getsize(path)} bytes, tensorboard {tensorboard.__version__}: {loss}")
