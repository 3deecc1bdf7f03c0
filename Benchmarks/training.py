"""Training speed beside PyTorch: the same networks, weights, synthetic data and threads in one run.

python Benchmarks/training.py --bench .build/release/training-bench [--threads 1 2] [--seconds 6] [--repeats 1] [--record FILE.json]

Needs Benchmarks/requirements-training.txt. Ours and PyTorch take turns, each in a process of its own; a figure is the median step of its best turn,
PyTorch's in the better of its two memory layouts. A step is forward, cross-entropy over 64 classes, backward and Adam. Where others use the machine
the ratio of samples per second of processor time (with one thread) says more than the clock's. The PyTorch half refuses to run unless its network
makes of the same input what ours makes.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

NETWORKS = [("mobilefacenet", 32), ("mobilefacenet-small", 32), ("depthwise-tdnn", 16)]


HEADER = """| network, batch | threads | ours, samples/s | PyTorch, samples/s | ratio | ratio per CPU-second | ours, MiB | PyTorch, MiB | ratio |
|---|---:|---:|---:|---:|---:|---:|---:|---:|"""


def line(row):
    ours, other = row["ours"], row["pytorch"]
    ratio = {key: ours[key] / other[key] for key in ("samples_per_second", "samples_per_cpu_second", "peak_mib")}
    return (
        f"| {row['network']}, {row['batch']} | {row['threads']} | {ours['samples_per_second']:.1f} | {other['samples_per_second']:.1f} ({row['layout']}) "
        f"| **{ratio['samples_per_second']:.2f}** | {ratio['samples_per_cpu_second']:.2f} | {ours['peak_mib']:.0f} | {other['peak_mib']:.0f} | {ratio['peak_mib']:.2f} |")


def run(command, threads):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--record", type=pathlib.Path)
    arguments = parser.parse_args()
    peer = pathlib.Path(__file__).parent / "peer" / "training.py"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, batch in NETWORKS:
            model = pathlib.Path(folder) / f"{name}.onnx"
            run([arguments.bench, name, "--batch", batch, "--threads", 1, "--seconds", 0, "--export", model], 1)
            for threads in arguments.threads:
                common = ["--batch", batch, "--threads", threads, "--seconds", arguments.seconds]
                commands = {"ours": [arguments.bench, name, *common]}
                # Layouts of pictures: sound has none to choose.
                for layout in ["default"] + (["channels_last"] if name != "depthwise-tdnn" else []):
                    commands[layout] = [sys.executable, peer, name, "--model", model, "--layout", layout, *common]
                turns = {key: [] for key in commands}
                for _ in range(arguments.repeats):
                    for key, command in commands.items():
                        turns[key].append(run(command, threads))
                best = {key: max(each, key=lambda turn: turn["samples_per_second"]) for key, each in turns.items()}
                layout = max((key for key in best if key != "ours"), key=lambda key: best[key]["samples_per_second"])
                row = {"network": name, "batch": batch, "threads": threads, "ours": best["ours"], "layout": layout, "pytorch": best[layout], "turns": turns}
                if not rows:
                    print(f"libtorch {row['ours']['libtorch']}, PyTorch {row['pytorch']['torch']}\n\n{HEADER}")
                print(line(row), flush=True)
                rows.append(row)
    if arguments.record:
        arguments.record.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
