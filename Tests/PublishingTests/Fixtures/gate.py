"""A gate before a broker that misbehaves as asked.

Usage: gate.py LISTEN-PORT BROKER-PORT MODE
  v311     answers MQTT 5 as a broker that knows only 3.1.1 does: CONNACK with code 1 in the old form
  hangup5  closes the connection on an MQTT 5 CONNECT, without a word
  drop     closes every connection after its first bytes
  silent   reads and never answers
  cutack   from the first event on forwards nothing to the client, and ends the connection when the broker acknowledges that event;
           later connections pass
Prints "ready" when it listens, and a line for what it did.
"""
import socket
import sys
import threading

listen_port, broker_port, mode = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
cut = threading.Event()


def packet(stream):
    """One MQTT packet, or b"" at the end."""
    head = stream.read(1)
    if not head:
        return b""
    length = shift = 0
    while True:
        byte = stream.read(1)
        if not byte:
            return b""
        head += byte
        length |= (byte[0] & 127) << shift
        shift += 7
        if byte[0] < 128:
            break
    return head + (stream.read(length) if length else b"")


def end(*sockets):
    for each in sockets:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        each.close()


def event_number(data):
    """Packet identifier of an event that is published with QoS 1; None for other packets."""
    if data[0] >> 4 != 3 or not data[0] & 6:
        return None
    start = 1
    while data[start] & 128:
        start += 1
    start += 1
    length = int.from_bytes(data[start : start + 2], "big")
    topic = data[start + 2 : start + 2 + length]
    return data[start + 2 + length : start + 4 + length] if topic.endswith(b"/event/identity") else None


def forward(source, target, sockets, held, from_broker):
    """`held` is empty, or holds the first event's number once it was forwarded; None: nothing is ever held."""
    try:
        while data := packet(source):
            if held is not None and not cut.is_set():
                number = event_number(data)
                if not from_broker and number and not held:
                    held.append(number)
                elif from_broker and held:
                    if data[0] >> 4 == 4 and data[2:4] == held[0]:
                        cut.set()
                        print("cut", flush=True)
                        break
                    continue
            target.sendall(data)
    except OSError:
        pass
    end(*sockets)


def serve(client):
    if mode == "silent":
        while client.recv(4096):
            pass
        return client.close()
    if mode == "drop":
        client.recv(1)
        print("dropped", flush=True)
        return end(client)
    stream = client.makefile("rb")
    first = packet(stream)
    if not first:
        return client.close()
    # Fixed header, length-prefixed "MQTT", protocol level.
    level = first[first.index(b"MQTT") + 4]
    if mode in ("v311", "hangup5") and level == 5:
        print("refused 5", flush=True)
        if mode == "v311":
            client.sendall(bytes([0x20, 2, 0, 1]))
        return end(client)
    broker = socket.create_connection(("127.0.0.1", broker_port))
    broker.sendall(first)
    both = (client, broker)
    held = [] if mode == "cutack" else None
    threading.Thread(target=forward, args=(stream, broker, both, held, False), daemon=True).start()
    forward(broker.makefile("rb"), client, both, held, True)


listener = socket.create_server(("127.0.0.1", listen_port))
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
