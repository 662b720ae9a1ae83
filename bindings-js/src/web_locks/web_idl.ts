/**
 * What interfaces of the web have and classes have not.
 *
 * @internal
 */

/** Has these members be seen by `for in`, and gives the class its name, also where a bundler has shortened it. */
export function asInterface(type: { readonly prototype: object }, name: string, members: readonly string[]): void {
  const { prototype } = type;
  Object.defineProperty(type, "name", { value: name, configurable: true });
  for (const member of members) Object.defineProperty(prototype, member, { enumerable: true });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

/** A value as a text, by the rules of the language: a symbol is refused. */
export function toText(value: unknown): string {
  return `${value}`;
}
