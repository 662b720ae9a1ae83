import type { RawKey } from "./native.js";

/**
 * What a request asked for, as far as it is more than one key.
 *
 * @internal
 */
export class Asked {
  constructor(
    readonly exclusive: RawKey[],
    readonly shared: RawKey[],
    readonly label: string | undefined,
  ) {}
}
