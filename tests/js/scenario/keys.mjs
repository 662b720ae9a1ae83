// Keys as the data files spell them.

/** The key that is spelled so. Throws where this language refuses it. */
export function keyOf({ key, turnOf }, spelled) {
  if (typeof spelled !== "object") return spelled;
  if ("int" in spelled) return BigInt(spelled.int);
  if ("bytes" in spelled) return bytesOf(spelled.bytes);
  if ("repeat" in spelled) return spelled.repeat[0].repeat(spelled.repeat[1]);
  if ("tuple" in spelled) return key(...spelled.tuple.map((part) => keyOf({ key }, part)));
  if ("turnOf" in spelled) return turnOf(keyOf({ key }, spelled.turnOf));
  if ("turnOfSpace" in spelled) return turnOf();
  // Only in the key vectors, as what is refused.
  if ("float" in spelled)
    return { nan: Number.NaN, inf: Number.POSITIVE_INFINITY }[spelled.float] ?? Number(spelled.float);
  if ("null" in spelled) return null;
  if ("undefined" in spelled) return undefined;
  if ("object" in spelled) return { a: 1 };
  if ("utf16" in spelled)
    return String.fromCharCode(...spelled.utf16.match(/.{4}/g).map((unit) => Number.parseInt(unit, 16)));
  throw new Error(`an unknown spelling of a key: ${JSON.stringify(spelled)}`);
}

/** A text that is the same for equal keys only. `key`: one that the package handed out, or a spelled one. */
export function canonical(key) {
  if (typeof key === "number" || typeof key === "bigint") return `int ${key}`;
  if (typeof key === "string") return `str ${JSON.stringify(key)}`;
  if (typeof key === "boolean") return `bool ${key}`;
  if (key instanceof Uint8Array) return `bytes ${hexOf(key)}`;
  if (Array.isArray(key.parts)) return `tuple (${key.parts.map(canonical).join(", ")})`;
  throw new Error(`not a key: ${String(key)}`);
}

/** The bytes that are spelled in hex. */
export function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** The bytes, spelled in hex. */
export function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
