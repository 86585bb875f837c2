"""Python websockets, the strictest client we know: says things to /echo and wants them back as they were."""

import os
import sys

from websockets.sync.client import connect

with connect(sys.argv[1], max_size=None, compression="deflate") as socket:
    assert not socket.protocol.extensions, "the server must not agree to an extension that it does not know"
    for length in [0, 1, 125, 126, 65535, 65536, 1_000_000]:
        data = os.urandom(length)
        socket.send(data)
        assert socket.recv() == data, f"{length} bytes"
    socket.send("żółw 🐢")
    assert socket.recv() == "żółw 🐢", "text stays text"
    socket.send(["Hel", "lo, ", "world"])  # three fragments
    assert socket.recv() == "Hello, world"
    pong = socket.ping(b"still there?")
    assert pong.wait(10), "a ping is answered"
    socket.close(4000, "enough")
assert socket.close_code == 4000, "the status code of the close is echoed (RFC 6455, 5.5.1)"
print("websockets is content")
