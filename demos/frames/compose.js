// A frame from its fields. No library lets you write a wrong one; here every field may be wrong.

/** The bytes of a frame in which every field may be right or wrong (RFC 6455, 5.2). */
export function compose({ fin, rsv1, rsv2, rsv3, opcode, mask, form, length, key, kind, payload }) {
  const data = kind === "hex" ? fromHex(payload) : new TextEncoder().encode(payload);
  const claimed = length.trim() === "" ? BigInt(data.length) : BigInt(length);
  if (form === "auto") form = claimed <= 125n ? "7" : claimed <= 0xffffn ? "16" : "64";

  const bytes = [(fin << 7) | (rsv1 << 6) | (rsv2 << 5) | (rsv3 << 4) | opcode];
  if (form === "7") bytes.push((mask << 7) | Number(BigInt.asUintN(7, claimed)));
  if (form === "16") bytes.push((mask << 7) | 126, ...bigEndian(claimed, 2));
  if (form === "64") bytes.push((mask << 7) | 127, ...bigEndian(claimed, 8));
  const four = fromHex(key);
  if (mask && four.length !== 4) throw new Error("A masking key is eight hexadecimal digits.");
  if (mask) bytes.push(...four);
  data.forEach((byte, at) => bytes.push(mask ? byte ^ four[at % 4] : byte));
  return bytes;
}

function bigEndian(number, size) {
  return Array.from({ length: size }, (_, at) => Number(BigInt.asUintN(8, number >> BigInt(8 * (size - 1 - at)))));
}

function fromHex(text) {
  const digits = text.replaceAll(" ", "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error("Hexadecimal: two digits for each byte, 0 to 9 and a to f.");
  return (digits.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
}

/** Two digits for each byte. */
export const hex = (bytes, between = "") => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(between);
