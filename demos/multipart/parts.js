// Takes the bytes of a multipart answer apart into parts (RFC 2046, 5.1). No network here: bytes in, parts out.

const MOST = 100_000; // bytes of a part: more is not what we asked for

// ANCHOR: parts
/**
 * Returns a function that takes the bytes of one read and returns the parts that are whole now. A
 * read ends anywhere: in a boundary, in a head, in a message. A part says how long it is, so there
 * is no need to look for a boundary inside a message, only where one is due.
 */
export function partsOf(boundary, count) {
  let rest = new Uint8Array(); // starts with a boundary, as far as it is there
  return (bytes) => {
    const whole = [];
    rest = Uint8Array.of(...rest, ...bytes);
    for (;;) {
      const text = new TextDecoder("latin1").decode(rest); // one character for each byte
      const content = text.indexOf("\r\n\r\n") + 4;
      if (content < 4) break; // the head is not all there
      const [first, ...fields] = text.slice(0, content - 4).split("\r\n");
      const head = new Headers(fields.map((field) => field.split(": ")));
      const end = content + Number(head.get("Content-Length")) + 2; // and CR LF
      if (first !== `--${boundary}` || !(end <= MOST)) {
        throw new Error("these are not the parts we asked for");
      }
      if (rest.length < end) break;
      whole.push({ head, content: rest.slice(content, end - 2) });
      rest = rest.slice(end);
    }
    if (rest.length > MOST) throw new Error("a part without an end");
    count(whole, rest);
    return whole;
  };
}
// ANCHOR_END: parts
