import type { Codec } from "./codec.js";
import { invalid } from "./error.js";
import { checkText } from "./text.js";

const OURS = ["cbor", "json", "bytes"] as const;

/**
 * The name of a codec that is here.
 *
 * @internal
 */
export type OurCodec = (typeof OURS)[number];

/**
 * The name by which openings of a space agree on the codec; refuses what is none.
 *
 * @internal
 */
export function codecName(option: unknown): string {
  if (option === undefined) return "cbor";
  if (typeof option === "string" && isOurs(option)) return option;
  const given = option as Partial<Codec> | null;
  if (typeof given !== "object" || typeof given?.encode !== "function" || typeof given.decode !== "function") {
    throw invalid("codec", 'must be "cbor", "json", "bytes", or an object with the functions encode and decode');
  }
  const { name = "custom" } = given;
  checkText(name, "codec.name");
  if (isOurs(name)) throw invalid("codec.name", `${name} is the name of a codec that is here already`);
  return name;
}

function isOurs(name: string): boolean {
  return OURS.includes(name as OurCodec);
}
