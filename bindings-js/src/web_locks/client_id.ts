let id: string | undefined;

/**
 * Names this environment, a page or a thread, in what `query` answers: the same as long as it lives, and no other has it.
 *
 * @internal
 */
export function clientId(): string {
  id ??= Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16).padStart(8, "0")).join("");
  return id;
}
