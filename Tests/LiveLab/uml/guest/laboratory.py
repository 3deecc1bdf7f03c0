"""What the scenario works with: reports, programs, the broker's messages, the agent's status. Runs in the guest as root."""
import collections
import glob
import json
import os
import subprocess
import sys
import threading
import time
import traceback
import urllib.request

SHARE = "/mnt/host"
now = time.monotonic
# Seconds from the machine's start to the scenario's on an idle processor. Where it took longer, everything does, and limits grow with it.
IDLE_START = 22
slowness = max(1, now() / IDLE_START)
# Whoever else uses the processors may begin later than that. Whether all comes back is judged here, and how fast it was is printed; FWOC_LAB_STRICT
# judges that too, on a machine where nothing else runs.
STRICT = os.path.exists(f"{SHARE}/strict")
if not STRICT:
    slowness *= 3


def patient(seconds):
    """A limit for an idle machine, as it is for this one."""
    return seconds * slowness


class Failure(Exception):
    """A check that did not hold."""


class Report:
    """One line for each check: `LAB: PASS name (detail)` or `LAB: FAIL name: why`; on the console and in report.txt of the share."""

    def __init__(self):
        self.file = open(f"{SHARE}/report.txt", "a", buffering=1)
        self.failures = 0

    def line(self, text):
        print(text, flush=True)
        self.file.write(text + "\n")

    def note(self, text):
        self.line(f"LAB: [{now():7.2f}] {text}")

    def passed(self, name, detail=""):
        self.line(f"LAB: PASS {name}" + (f" ({detail})" if detail else ""))

    def failed(self, name, why):
        self.failures += 1
        self.line(f"LAB: FAIL {name}: {why}")

    def check(self, name, holds, detail=""):
        (self.passed if holds else self.failed)(name, detail or ("holds" if holds else "does not hold"))
        return holds

    def part(self, name, body):
        """Runs a part; whatever it throws is a failure of the part, and the next part still runs."""
        self.note(f"part {name}")
        try:
            body()
        except Failure as failure:
            self.failed(name, failure)
        except Exception:
            self.failed(name, traceback.format_exc().strip().replace("\n", " | "))


def run(*arguments, timeout=120, check=True):
    """Runs a program; standard output, stripped."""
    result = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    if check and result.returncode:
        raise Failure(f"{' '.join(arguments)}: exit code {result.returncode}: {result.stdout.strip()[-400:]}")
    return result.stdout.strip()


def until(what, condition, within, every=0.1):
    """Waits until the condition gives something true, and returns that. The limit is that of an idle machine."""
    within = patient(within)
    deadline = now() + within
    while True:
        value = condition()
        if value:
            return value
        if now() > deadline:
            raise Failure(f"{what}: not within {within:.0f} s")
        time.sleep(every)


Message = collections.namedtuple("Message", "time topic retained payload")


class Broker:
    """Listens to everything that the agent says. The session outlives the broker's end, so that nothing is missed while it is away."""

    def __init__(self, base, name="listener"):
        self.base = base + "/"
        self.name = name
        self.messages = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "mosquitto_sub", "-V", "5", "-c", "-i", f"lab-{name}", "-x", "3600", "-q", "2", "-k", "5",
             "-t", f"{base}/#", "-t", "homeassistant/#", "-F", "%r %t %p"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with open(f"{SHARE}/mqtt-{self.name}.log", "a", buffering=1) as log:
            for line in self.process.stdout:
                moment = now()
                retained, topic, payload = line.rstrip("\n").split(" ", 2)
                log.write(f"{moment:.3f} {line}")
                with self.changed:
                    self.messages.append(Message(moment, topic.removeprefix(self.base), retained == "1", payload))
                    self.changed.notify_all()

    @property
    def mark(self):
        """A place in the messages to wait from."""
        with self.changed:
            return len(self.messages)

    def wait(self, topic, accepts, since, within):
        """The first message of the topic from the mark on that is accepted (a payload, or a function of it). The limit is
        that of an idle machine."""
        matches = accepts if callable(accepts) else lambda payload: payload == accepts
        within = patient(within)
        deadline = now() + within
        with self.changed:
            while True:
                for message in self.messages[since:]:
                    if message.topic == topic and matches(message.payload):
                        return message
                if not self.changed.wait(max(0, deadline - now())) and now() >= deadline:
                    seen = [message.payload[:60] for message in self.messages[since:] if message.topic == topic]
                    wanted = "" if callable(accepts) else f" ‘{accepts}’"
                    raise Failure(f"{topic}: no{wanted} within {within:.0f} s; there came {seen[-5:] or 'nothing'}")

    def newest(self, topic):
        with self.changed:
            return next((message.payload for message in reversed(self.messages) if message.topic == topic), None)

    def events(self, since=0):
        """(time of arrival, event) from the mark on."""
        with self.changed:
            return [(m.time, json.loads(m.payload)) for m in self.messages[since:] if m.topic == "event/identity"]

    def command(self, verb, within=5):
        """Sends a command and waits for the answer."""
        since = self.mark
        run("mosquitto_pub", "-q", "1", "-t", f"{self.base}command/{verb}", "-n")
        return json.loads(self.wait(f"command/{verb}/reply", lambda _: True, since, within).payload)


class Service:
    """The agent as a unit of systemd."""

    def __init__(self, unit, port):
        self.unit, self.port = unit, port

    def show(self, *properties):
        lines = run("systemctl", "show", self.unit, *[f"-p{name}" for name in properties]).splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return values[properties[0]] if len(properties) == 1 else [values[name] for name in properties]

    @property
    def process(self):
        return int(self.show("MainPID"))

    def status(self):
        """What it says over HTTP; None where it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=2) as answer:
                return json.load(answer)
        except OSError:
            return None

    def journal(self):
        return run("journalctl", "-u", self.unit, "--no-pager", "-o", "short-monotonic")

    def threads(self):
        """What its threads do, for the case that it does not do what it should: name, state, where in the kernel, processor time in ticks."""
        found = []
        for task in glob.glob(f"/proc/{self.process}/task/*"):
            try:
                name, rest = open(f"{task}/stat").read().split("(", 1)[1].rsplit(")", 1)
                fields = rest.split()
                found.append(f"{name} {fields[0]} {open(f'{task}/wchan').read()} {int(fields[11]) + int(fields[12])}")
            except OSError:
                pass
        return "; ".join(found) or "none"

    def stop(self):
        """Seconds that the stop took."""
        begin = now()
        run("systemctl", "stop", self.unit)
        return now() - begin


class Player:
    """Plays a film to the virtual camera and the virtual microphone (player.c)."""

    DEVICE = "/dev/video10"

    def __init__(self, film="film"):
        self.rounds = []
        self.process = subprocess.Popen(
            [f"{SHARE}/player", self.DEVICE, f"{SHARE}/{film}.mjpg", "640", "480", "25", f"{SHARE}/{film}.s16", "16000", "film"],
            stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.rounds.append(float(line.split()[2]))

    def wait_round(self):
        """Waits for the film's next beginning; when it was."""
        seen = len(self.rounds)
        until("the film begins again", lambda: len(self.rounds) > seen, 15, every=0.05)
        return self.rounds[-1]

    def signal(self, number):
        os.kill(self.process.pid, number)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def fatal(text):
    print(f"LAB: FAIL set-up: {text}", flush=True)
    sys.exit(1)
