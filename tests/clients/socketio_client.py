"""python-socketio: over each transport and by an upgrade, with bytes, acknowledgements and namespaces."""
import sys
import threading

import socketio

URL = sys.argv[1]


class Waits:
    """Collects events, and waits for the next."""

    def __init__(self):
        self.events, self.news = [], threading.Condition()

    def put(self, *event):
        with self.news:
            self.events.append(event)
            self.news.notify()

    def next(self):
        with self.news:
            assert self.news.wait_for(lambda: self.events, timeout=60), "nothing came"
            return self.events.pop(0)


for transports in (["websocket"], ["polling"], None):
    client, back, room = socketio.Client(reconnection=False), Waits(), Waits()
    client.on("message-back", back.put)
    client.on("auth", back.put)
    client.on("here", room.put, namespace="/room")
    client.on("message", room.put, namespace="/room")
    client.on("are you there", lambda asked: "python", namespace="/room")
    client.connect(URL, transports=transports, auth={"token": "abc"}, namespaces=["/", "/room"], wait_timeout=60)
    expected = transports[0] if transports else "websocket"
    assert client.transport() == expected, client.transport()
    assert back.next() == ({"token": "abc"},)
    client.emit("message", (1, "2", {"3": [True]}))
    assert back.next() == (1, "2", {"3": [True]})
    client.emit("message", (b"\x00\x01\x1e\xff", {"more": [b"", "text"]}))
    assert back.next() == (b"\x00\x01\x1e\xff", {"more": [b"", "text"]})
    assert client.call("message-with-ack", {"bytes": b"\x07" * 300_000}) == {"bytes": b"\x07" * 300_000}
    place, _offset = room.next()
    said = client.call("say", ("żółw 🐢", f"key over {expected} {transports}"), namespace="/room")
    while True:
        message, offset = room.next()
        if message["id"] == said["id"]:
            break
    assert message["text"] == "żółw 🐢" and offset.endswith(f"-{said['id']}")
    assert "python" in client.call("roll-call", namespace="/room")["here"]
    # Over polling this ends with the next poll; whether a Close packet leaves before is chance (python-engineio 4.15).
    client.disconnect()

refused = socketio.Client(reconnection=False)
try:
    refused.connect(URL, namespaces=["/nowhere"], wait_timeout=60)
    raise SystemExit("an unknown namespace was taken")
except socketio.exceptions.ConnectionError:
    refused.disconnect()
print("python-socketio is content")
