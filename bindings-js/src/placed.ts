/**
 * Which of several keys was refused.
 *
 * @internal
 */

import type { LatchworkError } from "./error.js";
import { refusedKey } from "./key.js";
import type { Native } from "./native.js";

/** The same error; where the core refused a key, it says which of those that the caller gave. */
export function placed(native: Native, error: LatchworkError, keys: unknown, more?: unknown): LatchworkError {
  if (error.what !== "key") return error;
  return refusedKey(native, keys, "keys") ?? refusedKey(native, more ?? [], "shared") ?? error;
}
