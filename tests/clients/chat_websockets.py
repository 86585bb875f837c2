"""Python websockets in the chat: two members join, talk, whisper, are pinged, come back behind a cursor, and leave."""

import json
import sys

from websockets.sync.client import connect


class Member:
    def __init__(self, query):
        self.socket = connect(f"{sys.argv[1]}?{query}", subprotocols=["room"], compression="deflate")
        assert not self.socket.protocol.extensions, "no extension was agreed to"
        self.here = self.next("here")

    def next(self, kind):
        while True:
            event = json.loads(self.socket.recv(10))
            if event["type"] == kind:
                return event

    def send(self, **event):
        self.socket.send(json.dumps(event))


ann, bob = Member("room=py&name=ann"), Member("room=py&name=bob")
assert ann.next("joined")["name"] == "bob"
ann.send(type="say", text="żółw 🐢", key="k1")
for member in (ann, bob):
    message = member.next("message")
    assert (message["by"], message["text"]) == ("ann", "żółw 🐢")
assert ann.next("said")["id"] == 1
ann.send(type="private", to="bob", text="psst", key="k2")
assert bob.next("private")["text"] == "psst"
assert bob.socket.ping(b"still there?").wait(10), "a ping is answered"
bob.socket.send(['{"type":"say","te', 'xt":"in fragments",', '"key":"k3"}'])
assert ann.next("message")["text"] == "in fragments"
bob.socket.close(4000, "enough")
assert bob.socket.close_code == 4000, "the status code of the close is echoed (RFC 6455, 5.5.1)"
assert ann.next("left")["name"] == "bob"
back = Member(f"room=py&name=bob&after={bob.here['life']}-1")
assert back.next("message")["text"] == "in fragments"
ann.socket.close()
back.socket.close()
print("websockets is content")
